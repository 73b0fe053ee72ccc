"""The straight lines that are drawn on a page of a PDF, and which of them touch."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

# Lines closer than this many points are one.
CLOSE = 3.0
# Shorter lines are dots and underlines of single letters.
SHORTEST = 6.0
# A page with more is a drawing.
MOST_SEGMENTS = 6000


@dataclass(frozen=True)
class Line:
    """A line along an axis: at `at` on the other one, from `start` to `end`."""

    is_upright: bool
    at: float
    start: float
    end: float


@dataclass
class Area:
    """Lines that touch each other."""

    lines: list[Line]
    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, line: Line) -> Area:
        """The area of one line."""
        if line.is_upright:
            return cls([line], line.at, line.start, line.at, line.end)
        return cls([line], line.start, line.at, line.end, line.at)

    def touches(self, other: Area) -> bool:
        """Whether two areas overlap, or nearly."""
        return (
            self.left <= other.right + CLOSE
            and other.left <= self.right + CLOSE
            and self.bottom <= other.top + CLOSE
            and other.bottom <= self.top + CLOSE
        )

    def join(self, other: Area) -> None:
        """Take in the lines of another area."""
        self.lines += other.lines
        self.left, self.right = min(self.left, other.left), max(self.right, other.right)
        self.bottom, self.top = min(self.bottom, other.bottom), max(self.top, other.top)


def areas_of(lines: Iterable[Line]) -> list[Area]:
    """The areas of lines that touch each other, from the top of the page."""
    areas: list[Area] = []
    for line in lines:
        new = Area.around(line)
        apart = []
        for area in areas:
            if area.touches(new):
                new.join(area)
            else:
                apart.append(area)
        areas = [*apart, new]
    return sorted(areas, key=lambda area: -area.top)


def lines_of(page: Any) -> Iterator[Line]:
    """The straight lines of a page that lie along an axis, and the sides of its boxes."""
    import pypdfium2.raw as pdfium

    x, y = ctypes.c_float(), ctypes.c_float()
    count = 0
    for shape in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=1):
        size = pdfium.FPDFPath_CountSegments(shape)
        count += size
        if count > MOST_SEGMENTS:
            return
        matrix = shape.get_matrix()
        before = begun = (0.0, 0.0)
        for number in range(size):
            segment = pdfium.FPDFPath_GetPathSegment(shape, number)
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            point = matrix.on_point(x.value, y.value)
            kind = pdfium.FPDFPathSegment_GetType(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                begun = point
            elif kind == pdfium.FPDF_SEGMENT_LINETO:
                yield from _along_an_axis(before, point)
            before = point
            if pdfium.FPDFPathSegment_GetClose(segment):
                yield from _along_an_axis(point, begun)


def _along_an_axis(a: tuple[float, float], b: tuple[float, float]) -> Iterator[Line]:
    wide, high = abs(a[0] - b[0]), abs(a[1] - b[1])
    if wide < 1 and high > SHORTEST:
        yield Line(True, a[0], min(a[1], b[1]), max(a[1], b[1]))
    elif high < 1 and wide > SHORTEST:
        yield Line(False, a[1], min(a[0], b[0]), max(a[0], b[0]))


def clustered(places: Iterable[float]) -> list[float]:
    """Places in order, those close to each other as one."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > CLOSE:
            found.append(place)
    return found


def crosses(lines: list[Line], at: float, middle: float) -> bool:
    """Whether a line runs at a place, past the middle of a cell's side."""
    return any(
        -0.5 <= line.at - at <= CLOSE and line.start - CLOSE <= middle <= line.end + CLOSE
        for line in lines
    )
