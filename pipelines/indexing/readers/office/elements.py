"""What single elements of a Word file say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipelines.indexing.readers.counting import power
from pipelines.indexing.readers.office.numbering import W
from pipelines.indexing.readers.office.symbols import in_font

_MONOSPACED = re.compile(r"courier|consolas|mono|menlo|fixed|typewriter|code|preformatted", re.I)
# What shows something: letters, a picture, a chart, an equation, an object.
_SHOWN = ("}t", "}blip", "}imagedata", "}chart", "}relIds", "}oMath", "}OLEObject")
_LINK = re.compile(r'^\s*HYPERLINK\s+"([^"\s]{1,2000})"')


def own(parent: Any, tag: str) -> Iterator[Any]:
    """The rows of a table or the cells of a row, also inside content controls, none of inner tables."""
    for child in parent:
        if child.tag == W + tag:
            yield child
        elif child.tag in (W + "sdt", W + "sdtContent", W + "customXml", W + "ins"):
            yield from own(child, tag)


def join_paragraphs(root: Any) -> None:
    """
    Move what stands in a paragraph whose end was deleted, by tracked changes, into the next one.

    That is where Word shows it once the changes are accepted, in the next one's style. From the end,
    so that nothing is moved twice where thousands of paragraphs were deleted.
    """
    for paragraph in reversed(list(root.iter(W + "p"))):
        if paragraph.find(f"{W}pPr/{W}rPr/{W}del") is None:
            continue
        following = next(paragraph.itersiblings(W + "p", W + "tbl", W + "sdt"), None)
        if following is None or following.tag != W + "p":
            continue
        # Neither looks through all children, nor counts them: there may be many by now.
        first = next(iter(following), None)
        at = 1 if first is not None and first.tag == W + "pPr" else 0
        for child in reversed([child for child in paragraph if child.tag != W + "pPr"]):
            following.insert(at, child)
        paragraph.getparent().remove(paragraph)


def field_text(data: Any) -> str:
    """What a form field of old Word files shows and no run holds: a choice, a tick."""
    choices = data.find(W + "ddList")
    if choices is not None:
        entries = [entry.get(W + "val") or "" for entry in choices.iter(W + "listEntry")]
        place = value_of(choices, "result") or value_of(choices, "default") or "0"
        return entries[int(place)] if place.isdigit() and int(place) < len(entries) else ""
    box = data.find(W + "checkBox")
    if box is None:
        return ""
    ticked = (
        box.find(W + "checked") if box.find(W + "checked") is not None else box.find(W + "default")
    )
    return "☒" if is_on(ticked) else "☐"


def chosen(holder: Any) -> list[Any]:
    """Of what stands there for newer and for older programs: the first that shows something."""
    for option in holder:
        if any(str(one.tag).endswith(_SHOWN) for one in option.iter()):
            return list(option)
    return []


def hides_text(run: Any) -> bool:
    """Whether a run has text that is not shown."""
    is_hidden = is_on(run.find(f"{W}rPr/{W}vanish"))
    return is_hidden and any((text.text or "").strip() for text in run.iter(W + "t"))


def is_on(element: Any | None) -> bool:
    """Whether a property is there and not switched off."""
    return element is not None and element.get(W + "val") not in ("0", "false", "off")


def is_bold(cell: Any) -> bool:
    """Whether all text of a cell is bold."""
    runs = [
        run for run in cell.iter(W + "r") if any((t.text or "").strip() for t in run.iter(W + "t"))
    ]
    return bool(runs) and all(is_on(run.find(f"{W}rPr/{W}b")) for run in runs)


def value_of(element: Any, path: str) -> str | None:
    """The value of an element below another, by its path."""
    found = element.find(W + path)
    value: str | None = found.get(W + "val") if found is not None else None
    return value


def as_shown(text: str, run: Any) -> str:
    """The text of a run: signs of its font, raised figures as a power, and struck words as such."""
    fonts = run.find(f"{W}rPr/{W}rFonts")
    text = in_font(text, (fonts.get(W + "ascii") or "") if fonts is not None else "")
    if value_of(run, f"rPr/{W}vertAlign") == "superscript":
        return power(text)
    struck = is_on(run.find(f"{W}rPr/{W}strike")) or is_on(run.find(f"{W}rPr/{W}dstrike"))
    return f"(struck out: {text})" if struck and text.strip() else text


def linked(code: str) -> str:
    """Where a field leads that is a link."""
    found = _LINK.match(code)
    return found.group(1) if found is not None else ""


def is_code(text: str, paragraph: Any, style: str | None) -> bool:
    """Whether the white space of a paragraph means something: code, or what was indented by blanks."""
    if text.startswith("  ") or "\n  " in text or _MONOSPACED.search(style or ""):
        return True
    fonts = [
        fonts.get(W + "ascii") or "" if (fonts := run.find(f"{W}rPr/{W}rFonts")) is not None else ""
        for run in paragraph.iterchildren(W + "r")
    ]
    return bool(fonts) and all(map(_MONOSPACED.search, fonts))
