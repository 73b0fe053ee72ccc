"""
A converted document to chunks: the passages that are read and cited.

Pure. A chunk is cut at paragraphs, else at sentences, else at words, and its span in the document's
text is exact. It keeps to one section and one page, but for the short ends of these, which join what
follows: then it knows where in it each of them begins.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pipelines.indexing.converted import Converted
from pipelines.text import sentences
from pipelines.text.places import Place, at

# A section or page shorter than this share of a chunk joins the next instead of standing alone.
LEAST_FILL = 0.25


@dataclass(frozen=True)
class ChunkDraft:
    """
    A chunk before it has an id. ``text == document[char_start:char_end]``

    `page`, its `page_label` and `heading` are those of its middle, `places` those of all its parts,
    at least one.
    """

    text: str
    page: int | None
    heading: str | None
    char_start: int
    char_end: int
    places: tuple[Place, ...]
    page_label: str | None = None


def split(document: Converted, max_chars: int) -> list[ChunkDraft]:
    """The chunks of a document, in order, none longer than `max_chars`."""
    text = document.text
    outline = _Outline(document)
    breaks = outline.breaks
    drafts: list[ChunkDraft] = []
    start = end = -1
    for a, b in _pieces(text, breaks, max_chars):
        if start >= 0 and (b - start > max_chars or _closes(start, end, a, breaks, max_chars)):
            drafts.append(_draft(document, outline, start, end))
            start = -1
        if start < 0:
            start = a
        end = b
    if start >= 0:
        drafts.append(_draft(document, outline, start, end))
    return drafts


def _closes(start: int, end: int, following: int, breaks: list[int], max_chars: int) -> bool:
    """Whether a section or page begins between a chunk's end and what follows, and it is full enough."""
    crossed = bisect_right(breaks, following) > bisect_right(breaks, max(start, end - 1))
    return crossed and end - start >= max_chars * LEAST_FILL


def _draft(document: Converted, outline: _Outline, start: int, end: int) -> ChunkDraft:
    places: list[Place] = []
    for begin in (start, *outline.inside(start, end)):
        page = outline.page(begin)
        place = Place(begin - start, page, outline.path(begin), outline.labels.get(page or 0))
        if not places or places[-1][1:] != place[1:]:
            places.append(place)
    middle = at(places, (end - start) // 2)
    assert middle is not None
    return ChunkDraft(
        document.text[start:end], middle.page, middle.heading, start, end, tuple(places), middle.label
    )  # fmt: skip


class _Outline:
    """Where a document's pages and sections begin, computed once for all of its chunks."""

    def __init__(self, document: Converted) -> None:
        self._pages = [start for start, _ in document.pages]
        self._numbers = [number for _, number in document.pages]
        self.labels = dict(document.labels)
        self._headings = [start for start, _, _ in document.headings]
        self._paths = list(_paths(document))
        self.breaks = sorted({*self._pages, *self._headings})

    def inside(self, start: int, end: int) -> list[int]:
        """The breaks between two places."""
        return self.breaks[bisect_right(self.breaks, start) : bisect_left(self.breaks, end)]

    def page(self, place: int) -> int | None:
        """The page of a place."""
        found = bisect_right(self._pages, place)
        return (self._numbers[found - 1] or None) if found else None

    def path(self, place: int) -> str | None:
        """The headings that stand above a place, outermost first."""
        found = bisect_right(self._headings, place)
        return self._paths[found - 1] if found else None


def _paths(document: Converted) -> Iterator[str | None]:
    """For each heading: it, after those that stand above it."""
    above: list[tuple[int, str]] = []
    for _, level, title in document.headings:
        while above and above[-1][0] >= level:
            above.pop()
        above.append((level, title))
        yield " > ".join(title for _, title in above) or None


def _pieces(text: str, breaks: list[int], max_chars: int) -> Iterator[tuple[int, int]]:
    """Spans that are never joined across a break and never cut further: paragraphs, or parts of long ones."""
    edges = [0, *(b for b in breaks if 0 < b < len(text)), len(text)]
    for low, high in pairwise(edges):
        start = low
        while start < high:
            gap = text.find("\n\n", start, high)
            stop = high if gap < 0 else gap
            a, b = _trim(text, start, stop)
            if b - a > max_chars:
                yield from _parts(text, a, b, max_chars)
            elif b > a:
                yield a, b
            start = stop + 2 if gap >= 0 else high


def _parts(text: str, start: int, end: int, max_chars: int) -> Iterator[tuple[int, int]]:
    """Cut a long paragraph into runs of sentences, and a long sentence into runs of words."""
    begin = stop = start
    for a, b in ((start + x, start + y) for x, y in sentences.split(text[start:end])):
        if stop > begin and b - begin > max_chars:
            yield begin, stop
            begin = a
        while b - begin > max_chars:
            cut = text.rfind(" ", begin + max_chars // 2, begin + max_chars)
            cut = cut if cut > 0 else begin + max_chars
            yield _trim(text, begin, cut)
            begin = cut + 1 if text[cut : cut + 1] == " " else cut
        stop = b
    a, b = _trim(text, begin, stop)
    if b > a:
        yield a, b


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
