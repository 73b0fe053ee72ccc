"""Finds which of the shown characters belong to a span of a Markdown source. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

Span = tuple[int, int]
# How far ahead a piece of text is searched in its source, because markup may come between.
AHEAD, AHEAD_OF_A_SIGN, BETWEEN_SIGNS = 2000, 200, 40


class Marker:
    """Finds which of the shown characters belong to a span of the source."""

    def __init__(self, source: str, span: Span | None) -> None:
        self._source, self._span = source, span
        self._at, self._end = 0, len(source)
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))] if span else []

    def go_to(self, first: int, end: int) -> None:
        """Continue in these lines of the source."""
        if self._span is None:
            return
        start = self._lines[first]
        self._end = self._lines[end] if end < len(self._lines) else len(self._source)
        if not start <= self._at < self._end:
            self._at = start

    def parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text in pieces, each with whether it is marked."""
        if self._span is None:
            return iter([(text, False)])
        found = self._source.find(text, self._at, min(self._at + len(text) + AHEAD, self._end))
        return self._cut(text, found, self._span) if found >= 0 else self._sign_by_sign(text)

    def _cut(self, text: str, found: int, span: Span) -> Iterator[tuple[str, bool]]:
        self._at = found + len(text)
        start, end = (min(max(at - found, 0), len(text)) for at in span)
        pieces = ((text[:start], False), (text[start:end], True), (text[end:], False))
        return (piece for piece in pieces if piece[0])

    def _sign_by_sign(self, text: str) -> Iterator[tuple[str, bool]]:
        """Mark text that the source spells differently, e.g. with entities."""
        assert self._span is not None
        held, marked, ahead = "", False, AHEAD_OF_A_SIGN
        for sign in text:
            found = self._find(sign, ahead)
            now = marked if found is None else self._span[0] <= found < self._span[1]
            if now != marked and held:
                yield held, marked
                held = ""
            held, marked, ahead = held + sign, now, BETWEEN_SIGNS
        if held:
            yield held, marked

    def _find(self, sign: str, ahead: int) -> int | None:
        """The next position of a character, as itself or as an entity."""
        spellings = re.compile(rf"{re.escape(sign)}|&#?\w{{1,32}};")
        until = min(self._at + ahead, self._end)
        for found in spellings.finditer(self._source, self._at, until):
            if found[0] == sign or unescape(found[0]) == sign:
                self._at = found.end()
                return found.start()
        return None
