"""
Finds words of a passage on a page. Pure.

A passage was cleaned, joined and put into rows since it was read from its page. So only letters and
digits are compared, small, without accents, with ligatures taken apart: hyphens, spaces and line
ends do not matter. Where the words do not stand in one run, their parts are looked for: the lines
of a table's columns, or the half of a sentence that this page has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
# Gives the height on the page at which a character stands.
HeightOf = Callable[[int], float]

# Places of one part that are compared, and letters around each.
MOST_PLACES = 200
CONTEXT = 100
# A run may end before this many letters only at a word's end: "11" is not in "2011".
LONG = 12
# Letters that the beginning or end of a sentence must have to be recognised alone.
HALF = 20
# Share of the letters that must be found, unless this many stand in one run.
ENOUGH, SURE = 0.5, 30
_PART = re.compile(r"[;|\n]|(?<=[.!?])\s")


@dataclass(frozen=True)
class Letters:
    """The letters and digits of a text, with the place of each in it."""

    text: str
    places: list[int]


@dataclass(frozen=True)
class _Part:
    """A part of the words: a cell, a line or a sentence. A name is a column's, not a value."""

    text: str
    is_name: bool = False


def letters_of(text: str) -> Letters:
    """The letters and digits of a text as they are compared."""
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        for part in unicodedata.normalize("NFKD", sign).casefold():
            if part.isalnum():
                signs.append(part)
                places.append(place)
    return Letters("".join(signs), places)


def find(page: str, passage: str, span: Span | None, height: HeightOf) -> list[Span]:
    """
    The characters of a page that hold the marked words of a passage.

    :param page: The page's characters, in their order in the file.
    :param span: The marked characters of the passage, or None for all of it.
    :returns: Spans of `page` in ascending order, none where too few of the words stand there.
    """
    start, end = span or (0, len(passage))
    wanted, there = letters_of(passage[start:end]).text, letters_of(page)
    if not wanted:
        return []
    before, after = letters_of(passage[:start]).text, letters_of(passage[end:]).text
    whole = list(_places(there, page, wanted))
    if whole:
        best = max(whole, key=lambda at: _likeness(there.text, at, len(wanted), before, after))
        return _joined(there, [(best, best + len(wanted))])
    runs = _in_parts(there, page, passage[start:end], height)
    lengths = [end - start for start, end in runs]
    is_enough = sum(lengths) >= ENOUGH * len(wanted) or max(lengths, default=0) >= SURE
    return _joined(there, runs) if is_enough else []


def _places(there: Letters, page: str, wanted: str) -> Iterator[int]:
    """Where letters stand in a page's letters, at the ends of words if they are few."""
    at, count = there.text.find(wanted), 0
    while at >= 0 and count < MOST_PLACES:
        if len(wanted) > LONG or _is_whole(there, page, at, at + len(wanted)):
            yield at
            count += 1
        at = there.text.find(wanted, at + 1)


def _is_whole(there: Letters, page: str, start: int, end: int) -> bool:
    first, last = there.places[start], there.places[end - 1]
    return not (page[first - 1 : first].isalnum() or page[last + 1 : last + 2].isalnum())


def _likeness(text: str, at: int, length: int, before: str, after: str) -> int:
    """The number of letters around a place that are those around the words in their passage."""
    ahead, behind = text[at + length :][:CONTEXT], text[max(0, at - CONTEXT) : at]
    return _common(ahead, after) + _common(behind[::-1], before[::-1])


def _common(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _in_parts(there: Letters, page: str, words: str, height: HeightOf) -> list[Span]:
    """Runs of letters that hold parts of the words, close to each other on the page."""
    parts = [(part, letters_of(part.text).text) for part in _parts(words)]
    known: list[tuple[_Part, list[Span]]] = []
    for part, wanted in parts:
        runs = [(at, at + len(wanted)) for at in _places(there, page, wanted)] if wanted else []
        runs = runs or _half(there, wanted)
        if runs:
            known.append((part, runs))
    values = [runs for part, runs in known if not part.is_name] or [runs for _, runs in known]
    if not values:
        return []

    def place(run: Span) -> float:
        return height(there.places[run[0]])

    row = _row(values, place)
    return [min(runs, key=lambda run: abs(place(run) - row)) for _, runs in known]


def _row(values: Sequence[Sequence[Span]], place: Callable[[Span], float]) -> float:
    """The height at which the values stand: that of the rarest where the others are nearest."""
    rarest = min(values, key=len)
    heights = [[place(run) for run in runs] for runs in values]

    def distance(row: float) -> float:
        return sum(min(abs(one - row) for one in column) for column in heights)

    return min((place(run) for run in rarest), key=distance)


def _parts(words: str) -> Iterator[_Part]:
    for piece in filter(str.strip, _PART.split(words)):
        name, found, value = piece.partition(": ")
        if found and value.strip():
            yield _Part(name, is_name=True)
            yield _Part(value)
        else:
            yield _Part(piece)


def _half(there: Letters, wanted: str) -> list[Span]:
    """The beginning or the end of letters that another page goes on with."""
    if len(wanted) < 2 * HALF:
        return []
    first = _longest(lambda length: wanted[:length] in there.text, len(wanted))
    last = _longest(lambda length: wanted[-length:] in there.text, len(wanted))
    if max(first, last) < HALF:
        return []
    if first >= last:
        at = there.text.find(wanted[:first])
        return [(at, at + first)]
    at = there.text.find(wanted[-last:])
    return [(at, at + last)]


def _longest(holds: Callable[[int], bool], most: int) -> int:
    """The largest length that holds, where each shorter one does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _joined(there: Letters, runs: Sequence[Span]) -> list[Span]:
    """Runs of letters as spans of the page's characters, in order, without overlap."""
    spans: list[Span] = []
    for start, end in sorted(runs):
        first, last = there.places[start], there.places[end - 1] + 1
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return spans
