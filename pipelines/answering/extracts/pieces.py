"""The sentences and lines of a passage, and what each looks like. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipelines.text import lines
from pipelines.text.lines import Span

# Items of a list that has lost its marks are short paragraphs after a colon.
LONGEST_UNMARKED = 120
LONGEST_ITEM = {"item": 600, "field": 110}

_QUESTION_END = ("?", "？")


@dataclass(frozen=True)
class Piece:
    """A sentence or line, with what it looks like and the number of its paragraph."""

    span: Span
    text: str
    kind: str
    paragraph: int


def pieces(text: str, titles: frozenset[str]) -> list[Piece]:
    """
    The sentences and lines of a passage in reading order. The sentences of one item stay together.

    :param titles: The headings that it stands under, as `lines.plain` makes them.
    """
    found: list[Piece] = []
    for piece in _split(text, titles):
        before = found[-1] if found else None
        if before and _goes_on(text, before, piece):
            span = before.span[0], piece.span[1]
            found[-1] = replace(before, span=span, text=text[slice(*span)])
        else:
            found.append(piece)
    return [_value(found, at, titles) for at in range(len(found))]


def _value(every: list[Piece], at: int, titles: frozenset[str]) -> Piece:
    """A piece, as text if it looks like a heading and is all that stands under a marked one."""
    piece = every[at]
    above = every[at - 1] if at else None
    if (
        piece.kind != "heading"
        or _is_marked(piece, titles)
        or above is None
        or not _is_marked(above, titles)
    ):
        return piece
    below = every[at + 1] if at + 1 < len(every) else None
    return replace(piece, kind="text") if below is None or _is_marked(below, titles) else piece


def _is_marked(piece: Piece, titles: frozenset[str]) -> bool:
    return piece.text.startswith("#") or lines.plain(piece.text) in titles


def _goes_on(text: str, before: Piece, piece: Piece) -> bool:
    """Whether a sentence is of the same line as the item or field before it."""
    between = text[before.span[1] : piece.span[0]]
    longest = LONGEST_ITEM.get(before.kind, 0)
    whole = piece.span[1] - before.span[0] <= longest
    return piece.kind == "text" and "\n" not in between and whole


def _split(text: str, titles: frozenset[str]) -> Iterator[Piece]:
    spans, items = list(lines.split(text)), lines.unmarked(text)
    paragraph = 0
    after_colon = False  # a list that may have lost its marks
    for number, (start, end) in enumerate(spans):
        if number and "\n\n" in text[spans[number - 1][1] : start]:
            paragraph += 1
        piece = text[start:end]
        kind = _kind(text, (start, end), titles)
        if start in items and lines.plain(piece) not in titles:
            kind = items[start]
        alone = lines.is_alone(text, start, end)
        if (
            kind in ("text", "heading")
            and after_colon
            and alone
            and len(piece) <= LONGEST_UNMARKED
            and not piece.endswith(":")
            and not piece.startswith("#")
            and lines.plain(piece) not in titles
        ):
            following = spans[number + 1] if number + 1 < len(spans) else None
            if kind == "text" or _continues(text, following):
                kind = "item"
        has_mark = kind == "item" and lines.ITEM.match(piece)
        goes_on = after_colon and kind == "item" and not has_mark
        after_colon = piece.rstrip("*_ ").endswith(":") or goes_on
        yield Piece((start, end), piece, kind, paragraph)


def _continues(text: str, following: Span | None) -> bool:
    """Whether a list that lost its marks goes on: the next line is as short and alone."""
    return following is None or following[1] - following[0] <= LONGEST_UNMARKED


def _kind(text: str, span: Span, titles: frozenset[str]) -> str:
    piece = text[span[0] : span[1]]
    if piece.rstrip("\"'”’)*_ ").endswith(_QUESTION_END):
        return "question"
    kind = lines.kind(piece)
    if lines.plain(piece) in titles:
        return "heading"
    if kind in ("text", "item") and lines.is_heading(text, span, titles):
        return "heading"
    return "heading" if lines.is_clause(text, span) else kind
