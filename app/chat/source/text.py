"""A document as it was read, around a passage: parts as safe HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from app.chat.rendering import markdown, markup
from app.chat.rendering.escaping import escape
from app.chat.source import tables
from app.chat.source.citation import CitedSource
from app.chat.source.tables import TableRun
from pipelines.store import document_text
from pipelines.store.chats import Shown
from pipelines.store.db import Connection
from pipelines.store.document_text import TextPart
from pipelines.text.places import page_name

# Parts before and after a passage, and at most in one answer.
AROUND, MOST_PARTS = 3, 20
CHANGED = "The document was changed or removed since this answer. This is the passage as it was."
# Headings of a part, whose own order does not begin at the top, are all of one level.
_LEVELS = re.compile(r"<(/?)h[3-5](?=[ >])")
# Types whose line ends and spaces mean something.
_VERBATIM = ("text/plain", "text/x-source", "application/json", "application/xml")


def shown(conn: Connection, source: CitedSource, first: int | None, limit: int) -> dict[str, Any]:
    """
    Parts of a document.

    :param first: The ordinal to begin at. None begins shortly before the passage.
    """
    if source.document is None or source.location is None:
        return {"parts": [_passage(source)], "before": None, "after": None, "note": CHANGED}
    here = source.location.ordinal
    start = max(0, here - AROUND if first is None else first)
    count = min(max(limit, 1), MOST_PARTS)
    found = document_text.parts(conn, source.document.id, start, count + 1)
    parts = found[:count]
    return {
        "parts": _rendered(parts, here, source),
        "before": start or None,
        "after": parts[-1].ordinal + 1 if len(found) > count else None,
        "note": None,
    }


def _passage(source: CitedSource) -> dict[str, Any]:
    passage = source.passage
    return {"ordinal": 0, "here": True, "heading": _heading(_page(passage), passage.heading, ""),
            "html": markup.passage_text(passage), "gap": True}  # fmt: skip


def _rendered(parts: Sequence[TextPart], here: int, source: CitedSource) -> list[dict[str, Any]]:
    told = []
    assert source.document is not None
    verbatim = source.document.mime in _VERBATIM
    page_word = "Slide" if "presentation" in source.document.mime else "Page"
    page: int | None = None
    heading: str | None = None
    for part in parts:
        is_here = part.ordinal == here
        span = source.passage.span if is_here else None
        new_page = _page(part, page_word) if part.page != page else ""
        new_heading = part.heading if part.heading != heading else None
        page, heading = part.page, part.heading
        told.append({
            "ordinal": part.ordinal,
            "here": is_here,
            "gap": part.gap,
            "heading": _heading(new_page, new_heading, part.text),
            "html": _verbatim(part.text, span) if verbatim else _html(part, span),
        })  # fmt: skip
    return told


def _page(part: TextPart | Shown, word: str = "Page") -> str:
    return page_name(part.page, part.page_label, word=word)


def _heading(page: str, heading: str | None, text: str) -> str:
    """Where a part stands. A heading that its text has is not repeated."""
    title = (heading or "").split(" > ")[-1]
    if any(line.strip("# ") == title for line in text.splitlines()):
        title = ""
    return escape(" · ".join(filter(None, [page, title])))


def _html(part: TextPart, span: tuple[int, int] | None) -> str:
    """The text, with the lines that are headings as headings and rows of a table as a table."""
    html = "".join(_run(run, part.text, span) for run in tables.runs(part.text))
    for title in map(escape, part.titles):
        html = html.replace(f'<p dir="auto">{title}</p>', f'<h3 dir="auto">{title}</h3>')
    return _LEVELS.sub(r"<\1h3", html)


def _run(run: TableRun, text: str, span: tuple[int, int] | None) -> str:
    if run.rows:
        return tables.html(run.rows, span)
    start, end = (min(max(at, run.start), run.end) - run.start for at in span or (0, 0))
    inner = (start, end) if start < end else None
    return markdown.html(markup.unwrapped(text[run.start : run.end]), span=inner)


def _verbatim(text: str, span: tuple[int, int] | None) -> str:
    start, end = span or (0, 0)
    marked = f"<mark>{escape(text[start:end])}</mark>" if span else ""
    return f'<pre class="plain">{escape(text[:start])}{marked}{escape(text[end:])}</pre>'
