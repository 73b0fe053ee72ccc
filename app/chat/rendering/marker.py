"""Finds which of the shown characters belong to spans of a Markdown source. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape

Span = tuple[int, int]
# How far ahead a piece of text is searched in its source, because markup may come between.
AHEAD, AHEAD_OF_A_SIGN, BETWEEN_SIGNS = 2000, 200, 40


class Marker:
    """
    Finds which of the shown characters belong to spans of the source.

    :param spans: In ascending order, without overlap.
    :param tag: The element that they are marked with, as its opening and closing tag.
    """

    def __init__(
        self, source: str, spans: Sequence[Span], tag: tuple[str, str] = ("<mark>", "</mark>")
    ) -> None:
        self._source, self._spans, self.tag = source, spans, tag
        self._at, self._end = 0, len(source)
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))] if spans else []

    def go_to(self, first: int, end: int) -> None:
        """Continue in these lines of the source."""
        if not self._spans:
            return
        start = self._lines[first]
        self._end = self._lines[end] if end < len(self._lines) else len(self._source)
        if not start <= self._at < self._end:
            self._at = start

    def parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text in pieces, each with whether it is marked."""
        if not self._spans:
            return iter([(text, False)])
        found = self._source.find(text, self._at, min(self._at + len(text) + AHEAD, self._end))
        return self._cut(text, found) if found >= 0 else self._sign_by_sign(text)

    def _cut(self, text: str, found: int) -> Iterator[tuple[str, bool]]:
        self._at = found + len(text)
        done = 0
        for span in self._spans:
            start, end = (min(max(at - found, done), len(text)) for at in span)
            yield from _filled((text[done:start], False), (text[start:end], True))
            done = max(done, end)
        yield from _filled((text[done:], False))

    def _sign_by_sign(self, text: str) -> Iterator[tuple[str, bool]]:
        """Mark text that the source spells differently, e.g. with entities."""
        held, marked, ahead = "", False, AHEAD_OF_A_SIGN
        for sign in text:
            found = self._find(sign, ahead)
            now = marked if found is None else self._is_inside(found)
            if now != marked and held:
                yield held, marked
                held = ""
            held, marked, ahead = held + sign, now, BETWEEN_SIGNS
        if held:
            yield held, marked

    def _is_inside(self, at: int) -> bool:
        return any(start <= at < end for start, end in self._spans)

    def _find(self, sign: str, ahead: int) -> int | None:
        """The next position of a character, as itself or as an entity."""
        spellings = re.compile(rf"{re.escape(sign)}|&#?\w{{1,32}};")
        until = min(self._at + ahead, self._end)
        for found in spellings.finditer(self._source, self._at, until):
            if found[0] == sign or unescape(found[0]) == sign:
                self._at = found.end()
                return found.start()
        return None


def _filled(*pieces: tuple[str, bool]) -> Iterator[tuple[str, bool]]:
    return (piece for piece in pieces if piece[0])
