"""The straight lines that are drawn on a page of a PDF, and which of them touch."""

from __future__ import annotations

import ctypes
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.indexing.readers.pdf.calls import address_of, call

# Lines closer than this many points are one.
CLOSE = 3.0
# Shorter lines are dots and underlines of single letters.
SHORTEST = 6.0
# What is thinner is a line along an axis.
THIN = 1.0
# A table of two columns and two rows has so many either way.
FEWEST_LINES = 3
# A page with more is a drawing.
MOST_SEGMENTS = 6000
# A rectangle has its first corner twice. Corners closer than this many points are one.
BOX_SEGMENTS = 5
SAME = 0.01
# A line that stands so little before the first of its place belongs to it.
BEFORE = 0.5


class DrawnLine(NamedTuple):
    """A line along an axis: at `at` on the other one, from `start` to `end`."""

    is_upright: bool
    at: float
    start: float
    end: float


@dataclass(slots=True)
class Area:
    """Lines that touch each other."""

    lines: list[DrawnLine]
    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, line: DrawnLine) -> Area:
        """The area of one line."""
        if line.is_upright:
            return cls([line], line.at, line.start, line.at, line.end)
        return cls([line], line.start, line.at, line.end, line.at)

    def join(self, other: Area) -> None:
        """Take in the lines of another area."""
        self.lines += other.lines
        self.left, self.right = min(self.left, other.left), max(self.right, other.right)
        self.bottom, self.top = min(self.bottom, other.bottom), max(self.top, other.top)


def areas_of(page: Any) -> list[Area]:
    """
    The areas of a page whose lines touch each other, from its top.

    Looked for are the straight lines along an axis, and the sides of boxes.

    :returns: None of them where too few run from left to right, or upright: no table is there.
    """
    shapes = _shapes(page)
    # A path of so many segments has fewer lines.
    high = sum(one.size - 1 for one in shapes if one.is_high)
    wide = sum(one.size - 1 for one in shapes if one.is_wide)
    if min(high, wide) < FEWEST_LINES:
        return []
    areas: list[Area] = []
    for new in (area for shape in shapes for area in _areas(shape)):
        apart = []
        for area in areas:
            if (  # they overlap, or nearly
                new.left <= area.right + CLOSE
                and area.left <= new.right + CLOSE
                and new.bottom <= area.top + CLOSE
                and area.bottom <= new.top + CLOSE
            ):
                new.join(area)
            else:
                apart.append(area)
        apart.append(new)
        areas = apart
    return sorted(areas, key=lambda area: -area.top)


class _Shape(NamedTuple):
    """A path on a page, of so many segments, and its edges."""

    path: Any
    size: int
    left: float
    bottom: float
    right: float
    top: float

    @property
    def is_wide(self) -> bool:
        """Whether it may have a line from left to right."""
        return self.right - self.left > SHORTEST

    @property
    def is_high(self) -> bool:
        """Whether it may have an upright line."""
        return self.top - self.bottom > SHORTEST


def _shapes(page: Any) -> list[_Shape]:
    """
    What is drawn on a page, without what is too small for a line.

    It does without pypdfium2's objects, which take as long to make as all else.
    """
    import pypdfium2.raw as pdfium

    left, bottom, right, top = edges = tuple(ctypes.c_float() for _ in range(4))
    at = tuple(map(ctypes.addressof, edges))
    get, segments, bounds = map(
        call, ("FPDFPage_GetObject", "FPDFPath_CountSegments", "FPDFPageObj_GetBounds")
    )
    raw, count = address_of(page.raw), 0
    shapes = []
    for place in range(pdfium.FPDFPage_CountObjects(page.raw)):
        path = get(raw, place)
        size = segments(path)
        if size < 0:
            continue  # no path: PDFium says -1
        count += size
        if count > MOST_SEGMENTS:
            break
        bounds(path, *at)
        a, b, c, d = left.value, bottom.value, right.value, top.value
        if c - a > SHORTEST or d - b > SHORTEST:
            shapes.append(_Shape(path, size, a, b, c, d))
    return shapes


def _areas(shape: _Shape) -> Iterator[Area]:
    """The lines of one path, those of a box together."""
    if shape.size != BOX_SEGMENTS or not _is_filled_box(shape):
        yield from map(Area.around, _drawn(shape))
        return
    _, _, left, bottom, right, top = shape
    upright = [DrawnLine(True, at, bottom, top) for at in (left, right)] if shape.is_high else []
    level = [DrawnLine(False, at, left, right) for at in (bottom, top)] if shape.is_wide else []
    if upright and level:
        yield Area([*upright, *level], left, bottom, right, top)
    else:
        yield from map(Area.around, [*upright, *level])


def _is_filled_box(shape: _Shape) -> bool:
    """Whether a path is its own box. A stroke would make the box larger than the path."""
    if not (shape.is_wide and shape.is_high):
        filled, stroked = ctypes.c_int(), ctypes.c_int()
        call("FPDFPath_GetDrawMode")(
            shape.path, ctypes.addressof(filled), ctypes.addressof(stroked)
        )
        return not stroked.value
    (_, (x, y)), (_, (u, v)) = _points(shape, (1, 3))
    wide, high = shape.right - shape.left, shape.top - shape.bottom
    return abs(abs(x - u) - wide) < SAME and abs(abs(y - v) - high) < SAME


def _points(shape: _Shape, numbers: Iterable[int]) -> Iterator[tuple[Any, tuple[float, float]]]:
    """Segments of a path by their numbers, and where they end."""
    matrix = (ctypes.c_float * 6)()
    call("FPDFPageObj_GetMatrix")(shape.path, ctypes.addressof(matrix))
    a, b, c, d, e, f = matrix
    x, y = ctypes.c_float(), ctypes.c_float()
    at_x, at_y = ctypes.addressof(x), ctypes.addressof(y)
    get, point = call("FPDFPath_GetPathSegment"), call("FPDFPathSegment_GetPoint")
    for number in numbers:
        segment = get(shape.path, number)
        point(segment, at_x, at_y)
        yield segment, (a * x.value + c * y.value + e, b * x.value + d * y.value + f)


def _drawn(shape: _Shape) -> Iterator[DrawnLine]:
    """The lines of a path, segment by segment."""
    import pypdfium2.raw as pdfium

    before = begun = (0.0, 0.0)
    kind_of, closes = call("FPDFPathSegment_GetType"), call("FPDFPathSegment_GetClose")
    for segment, point in _points(shape, range(shape.size)):
        kind = kind_of(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            before = begun = point
            continue
        if kind == pdfium.FPDF_SEGMENT_LINETO:
            yield from _along_an_axis(before, point)
        before = point
        if closes(segment):
            yield from _along_an_axis(point, begun)


def _along_an_axis(a: tuple[float, float], b: tuple[float, float]) -> Iterator[DrawnLine]:
    wide, high = abs(a[0] - b[0]), abs(a[1] - b[1])
    if wide < THIN and high > SHORTEST:
        yield DrawnLine(True, a[0], min(a[1], b[1]), max(a[1], b[1]))
    elif high < THIN and wide > SHORTEST:
        yield DrawnLine(False, a[1], min(a[0], b[0]), max(a[0], b[0]))


def clustered(places: Iterable[float]) -> list[float]:
    """Places in order, those close to each other as one."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > CLOSE:
            found.append(place)
    return found


class Edges:
    """Places on one axis, and the lines of a table that run there."""

    def __init__(self, lines: Iterable[DrawnLine]) -> None:
        ordered = sorted(lines, key=_place)
        self.places = clustered(line.at for line in ordered)
        self._spans = [
            [
                (line.start - CLOSE, line.end + CLOSE)
                for line in ordered[
                    bisect_left(ordered, place - BEFORE, key=_place) : bisect_right(
                        ordered, place + CLOSE, key=_place
                    )
                ]
            ]
            for place in self.places
        ]

    def crosses(self, edge: int, middle: float) -> bool:
        """Whether a line runs at a place, by its number, past the middle of a cell's side."""
        return any(start <= middle <= end for start, end in self._spans[edge])


def _place(line: DrawnLine) -> float:
    return line.at
