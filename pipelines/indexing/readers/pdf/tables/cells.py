"""A line of a page of a PDF, cut into cells where the gap between two words is wide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.indexing.readers.pdf.places import Places

# A gap parts two cells if it is wider than this share of the height of a line.
WIDE_GAP = 0.8
# Lines are at the same height if they differ by less than this share of it.
SAME_LEVEL = 0.4

_SIGN = re.compile(r"[$€£¥]|USD|EUR")
_AFTER = re.compile(r"[%)]+")


@dataclass(frozen=True)
class LinePart:
    """A part of a line, and from where to where it goes."""

    left: float
    right: float
    text: str


@dataclass(frozen=True)
class Line:
    """A line of a page, or several that stand beside each other, by the place of its characters."""

    start: int
    end: int
    cells: list[LinePart]
    bottom: float = 0.0
    height: float = 0.0

    def is_below(self, other: Line) -> bool:
        """Whether this line stands a line or more below another, which then begins something new."""
        return bool(self.cells and other.cells) and other.bottom - self.bottom > self.height

    def beside(self, other: Line) -> bool:
        """Whether another line stands right of this one, at the same height."""
        level = abs(other.bottom - self.bottom) < SAME_LEVEL * self.height
        return (
            bool(self.cells and other.cells)
            and level
            and other.cells[0].left > self.cells[-1].right
        )


def line_of(start: int, text: str, places: Places) -> Line:
    """A line cut into cells where the gap between two words is wide."""
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip()) - 1
    begin = places.box(start + first)
    if begin is None or last < first:
        return Line(start, start + len(text), [])
    cells: list[LinePart] = []
    left, cut, height = begin[0], first, begin[3] - begin[1]
    for gap in re.finditer(r"\s+", text[first : last + 1]):
        before, after = first + gap.start() - 1, first + gap.end()
        edges = places.gap(start + before, start + after)
        if edges is None or abs(edges[1] - edges[0]) <= WIDE_GAP * height:
            continue
        cells.append(LinePart(left, edges[0], text[cut : before + 1]))
        left, cut = edges[1], after
    end = places.box(start + last)
    cells.append(LinePart(left, end[2] if end is not None else left, text[cut : last + 1]))
    return Line(start, start + len(text), list(_joined(cells)), begin[1], height)


def _joined(cells: list[LinePart]) -> Iterator[LinePart]:
    """Cells with the sign of a currency, or a percent, at their figure."""
    waiting: LinePart | None = None
    for cell in cells:
        if waiting is not None and _SIGN.fullmatch(waiting.text):
            cell = LinePart(waiting.left, cell.right, f"{waiting.text} {cell.text}")
            waiting = None
        if waiting is not None and _AFTER.fullmatch(cell.text):
            waiting = LinePart(waiting.left, cell.right, f"{waiting.text}{cell.text}")
            continue
        if waiting is not None:
            yield waiting
        waiting = cell
    if waiting is not None:
        yield waiting
