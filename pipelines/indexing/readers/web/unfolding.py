"""
What a page shows though its elements are silent: pages within it (`iframe srcdoc`), the open half of
a component (`template shadowrootmode`), and what stands in for a script (`noscript`), a drawing or a
film (`object`, `canvas`, `video`, `audio`).

Each becomes a plain element in its place before the page is read.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from pipelines.indexing.converted import counted
from pipelines.indexing.readers.web.elements import BLOCKS, SILENT

# Pages in a page that are read, how deep they stand in each other, and their characters together.
MOST_FRAMES = 200
DEEPEST_FRAME = 3
MOST_CHARS = 5_000_000
# A shorter text with such a word asks for scripts or for another browser.
LONGEST_REQUEST = 400

_TALL = ("table", "pre", "h1", "h2", "h3", "h4", "h5", "h6")
_STAND_INS = ("noscript", "object", "canvas", "video", "audio")
_REQUEST = re.compile(r"java\s?script|browser|flash|plug-?in|html\s?5", re.IGNORECASE)


def unfold(tree: Any) -> list[str]:
    """
    Turn what is shown into plain elements.

    :returns: What was not read, a line for each reason.
    """
    notes = _open_frames(tree)
    for part in list(tree.iter("template")):
        if part.get("shadowrootmode") is not None:
            part.tag = "div"
    stand_ins = list(tree.iter(*_STAND_INS))
    if stand_ins:
        known = " ".join(" ".join(_texts(tree)).split())
        for one in stand_ins:
            _stand_in(one, known)
    return notes


def is_made_by_script(tree: Any) -> bool:
    """Whether a page without text has programs that would write it."""
    return next(tree.iter("script"), None) is not None


def _open_frames(tree: Any) -> list[str]:
    left, opened, beyond = MOST_CHARS, 0, 0
    waiting = deque((frame, 1) for frame in tree.iter("iframe"))
    while waiting:
        frame, depth = waiting.popleft()
        source = frame.attrib.pop("srcdoc", "")
        if not source.strip():
            continue
        if depth > DEEPEST_FRAME or opened >= MOST_FRAMES or len(source) > left:
            beyond += 1
            continue
        left, opened = left - len(source), opened + 1
        body = _body(source)
        if body is None:
            continue
        for child in list(frame):
            frame.remove(child)
        frame.tag, frame.text = "section", body.text
        frame.extend(list(body))
        waiting.extend((inner, depth + 1) for inner in frame.iter("iframe"))
    return [f"{counted(beyond, 'page')} within the page not read"] if beyond else []


def _body(source: str) -> Any | None:
    import lxml.html
    from lxml.etree import LxmlError

    try:
        return lxml.html.document_fromstring(source.replace("\x00", "")).find("body")
    except (LxmlError, ValueError):
        return None


def _stand_in(element: Any, known: str) -> None:
    """Show what stands in for another thing, without what the page says anyway."""
    for child in list(element):
        texts = list(_texts(child))
        if texts and all(text in known for text in texts):
            tail, child.tail = child.tail, None
            element.remove(child)  # the page says it anyway
            element.text = f"{element.text or ''} {tail or ''}"
    silent, element.tag = element.tag, "div"  # else its own text is silent
    texts = list(_texts(element))
    told = " ".join(texts)
    is_request = len(told) < LONGEST_REQUEST and _REQUEST.search(told) is not None
    if is_request or all(text in known for text in texts):
        element.tag = silent
    elif not any(one.tag in BLOCKS or one.tag in _TALL for one in element.iterdescendants()):
        element.tag = "span"


def _texts(element: Any) -> Iterator[str]:
    """The texts and the descriptions of pictures in an element, without those of silent ones."""
    waiting: list[Any] = [element]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            if text := " ".join(node.split()):
                yield text
        elif isinstance(node.tag, str) and node.tag not in SILENT:
            for child in reversed(node):
                waiting += [child.tail or "", child]
            waiting += [node.text or "", (node.get("alt") or "") if node.tag == "img" else ""]
