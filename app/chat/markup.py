"""
What the chat shows, as safe Markdown and marked passages. Pure.

Answers quote documents, and documents may hold anything: nothing of theirs becomes markup that
loads, links or runs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from pipelines.store.chats import Message, Shown

LABELS = {
    "extracts": "Extracts: sentences from the documents",
    "not_found": "Not in the documents",
    "error": "Something went wrong",
    "hidden": "Not open to you",
}
NEAREST = 3
# A line of a page that goes on in the next line; shorter ones are headings, lists, rows of a table.
_WRAPPED = re.compile(r"(?m)^([^\n|]{60,}[^\n|.:;!?])\n(?=[^\W_][^\n|]*$)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\s*(?:\([^)]*\)|\[[^\]]*\])")
_LINK = re.compile(r"\[([^\]]+)\]\s*\(\s*([^)\s]+)[^)]*\)")
_DEFINITION = re.compile(r"(?m)^[ ]{0,3}\[[^\]]+\]:\s*\S+.*$")
_AUTOLINK = re.compile(r"(?i)\b(?:(?:https?|ftp|javascript|data|vbscript)\s*:\s*|www\.)\S+")
_CITATION = re.compile(r"\[(\d{1,3})\]")


def answer(message: Message) -> str:
    """An answer as Markdown: a label where it is no written answer, links on its citations."""
    label = LABELS.get(message.kind or "")
    parts = [f"###### {label}"] if label else []
    parts.append(link_citations(safe(message.text), message.id, message.shown))
    if message.note:
        parts.append(f"*{safe(message.note)}*")
    if message.kind in ("not_found", "error") and message.shown:
        nearest = message.shown[:NEAREST]
        marks = [link_citations(f"[{near.number}]", message.id, nearest) for near in nearest]
        rows = [f"- {mark} {_where(near)}" for mark, near in zip(marks, nearest, strict=True)]
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def safe(text: str) -> str:
    """
    Text whose Markdown can only format: no HTML, no images, no links.

    A link keeps its words and shows its address in a code span, where nothing is clickable.
    """
    text = _IMAGE.sub(r"\1", text)
    text = _DEFINITION.sub("", text)
    text = _LINK.sub(r"\1 (\2)", text)
    text = html.escape(text, quote=False)
    return _AUTOLINK.sub(lambda found: f"`{found.group().replace('`', '')}`", text)


def link_citations(text: str, message_id: int, shown: Sequence[Shown]) -> str:
    """Each ``[n]`` that has a passage as a link that the page's script opens in the panel."""
    known = {passage.number for passage in shown}

    def link(found: re.Match[str]) -> str:
        number = int(found.group(1))
        if number not in known:
            return ""
        return f"[\\[{number}\\]](#source-{message_id}-{number})"

    return _CITATION.sub(link, text)


def place(passage: Shown) -> str:
    """Where a passage stands in its document: page, else the nearest heading."""
    if passage.page:
        return f"page {passage.page}"
    return (passage.heading or "").split(" > ")[-1][:60]


def source_label(passage: Shown) -> str:
    """One line that names a passage."""
    return " · ".join(filter(None, [str(passage.number), passage.title, place(passage)]))


def _where(passage: Shown) -> str:
    return _plain(" · ".join(filter(None, [passage.title, place(passage)])))


def source_details(passage: Shown) -> str:
    """What is known of a passage, above its text; as Markdown in which nothing is markup."""
    path = passage.heading or ""
    lines = [f"**{_plain(passage.title)}**"]
    if passage.page:
        lines.append(f"Page {passage.page}")
    if path:
        lines.append(_plain(path))
    lines.append(f"Score {passage.score:.2f}" + ("" if passage.cited else " · not cited"))
    return "  \n".join(lines)


def marked(passage: Shown) -> list[tuple[str, str | None]]:
    """The passage in pieces, the supporting sentence labelled; lines that a page wrapped are joined."""
    text = _WRAPPED.sub(r"\1 ", passage.text)
    if passage.span is None:
        return [(text, None)]
    start, end = passage.span
    pieces: list[tuple[str, str | None]] = [
        (text[:start], None),
        (text[start:end], "support"),
        (text[end:], None),
    ]
    return [piece for piece in pieces if piece[0]]


def transcript(title: str, messages: Sequence[Message]) -> str:
    """A conversation as a Markdown file, with the passages that the answers cite."""
    parts = [f"# {_plain(title)}"]
    for message in messages:
        if message.role == "user":
            parts.append(f"## {_plain(message.text)}")
            continue
        label = LABELS.get(message.kind or "")
        parts.append(f"{f'*{label}.* ' if label else ''}{message.text}")
        for passage in message.shown:
            if passage.cited:
                quoted = passage.text[slice(*passage.span)] if passage.span else passage.text
                parts.append(
                    f"[{passage.number}] {passage.title}, {place(passage)}\n\n"
                    + "\n".join(f"> {line}" for line in quoted.splitlines())
                )
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Text as it is, every character that Markdown or HTML could read escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~:@$])", r"\\\1", html.escape(text, quote=False))
