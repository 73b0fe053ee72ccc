"""The straight lines that are drawn on a page of a PDF, and which of them touch."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.indexing.readers.pdf.calls import call, places_in, pointer_to

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


# A line along an axis: where on the other one, from where to where it goes.
Span = tuple[float, float, float]
Point = tuple[float, float]


@dataclass(slots=True, eq=False)
class Area:
    """
    Lines that touch each other, upright ones and those from left to right, and their edges.

    :param right: How far it reaches: `CLOSE` beyond its last line. Likewise `top`.
    """

    upright: list[Span]
    level: list[Span]
    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def of_upright(cls, at: float, start: float, end: float) -> Area:
        """The area of one upright line."""
        return cls([(at, start, end)], [], at, start, at + CLOSE, end + CLOSE)

    @classmethod
    def of_level(cls, at: float, start: float, end: float) -> Area:
        """The area of one line from left to right."""
        return cls([], [(at, start, end)], start, at, end + CLOSE, at + CLOSE)

    def __len__(self) -> int:
        """Number of lines."""
        return len(self.upright) + len(self.level)

    def join(self, other: Area) -> None:
        """Take in the lines of another area."""
        self.upright, self.level = (
            _both(self.upright, other.upright),
            _both(self.level, other.level),
        )
        # Twice as fast as `min` and `max`.
        self.left = self.left if self.left <= other.left else other.left
        self.bottom = self.bottom if self.bottom <= other.bottom else other.bottom
        self.right = self.right if self.right >= other.right else other.right
        self.top = self.top if self.top >= other.top else other.top


def _both(a: list[Span], b: list[Span]) -> list[Span]:
    """Two lists in the longer one, because an area is joined with many single lines."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    longer += shorter
    return longer


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
    for new in _Paths().areas(shapes):
        for area in _touching(new, areas):
            areas.remove(area)
        areas.append(new)
    return sorted(areas, key=lambda area: -area.top)


def _touching(new: Area, areas: Iterable[Area]) -> list[Area]:
    """The areas that a new one touches, or nearly. It grows by each of them, and by what that touches."""
    touching = []
    left, bottom, right, top = new.left, new.bottom, new.right, new.top
    for area in areas:
        if left <= area.right and area.left <= right and bottom <= area.top and area.bottom <= top:
            new.join(area)
            touching.append(area)
            left, bottom, right, top = new.left, new.bottom, new.right, new.top
    return touching


class _Shape(NamedTuple):
    """A path on a page, of so many segments, its edges, and whether lines either way may be in it."""

    path: Any
    size: int
    left: float
    bottom: float
    right: float
    top: float
    is_wide: bool
    is_high: bool


def _shapes(page: Any) -> list[_Shape]:
    """
    What is drawn on a page, without what is too small for a line.

    It does without pypdfium2's objects, which take as long to make as all else.
    """
    import pypdfium2.raw as pdfium

    edges = array("f", [0.0] * 4)
    at = places_in(edges)
    get, segments, bounds = map(
        call, ("FPDFPage_GetObject", "FPDFPath_CountSegments", "FPDFPageObj_GetBounds")
    )
    pointer, count = pointer_to(page.raw), 0
    shapes = []
    for place in range(pdfium.FPDFPage_CountObjects(page.raw)):
        path = get(pointer, place)
        size = segments(path)
        if size < 0:
            continue  # no path: PDFium says -1
        count += size
        if count > MOST_SEGMENTS:
            break
        bounds(path, *at)
        left, bottom, right, top = edges
        wide, high = right - left > SHORTEST, top - bottom > SHORTEST
        if wide or high:
            shapes.append(_Shape(path, size, left, bottom, right, top, wide, high))
    return shapes


class _Paths:
    """Reads the lines of paths. Where PDFium writes numbers is made once for all of them."""

    def __init__(self) -> None:
        self._point, self._matrix = array("f", [0.0] * 2), array("f", [0.0] * 6)
        self._mode = array("i", [0] * 2)
        self._at_point, self._at_mode = places_in(self._point), places_in(self._mode)
        self._at_matrix, *_ = places_in(self._matrix)
        self._get_matrix = call("FPDFPageObj_GetMatrix")
        self._get_mode = call("FPDFPath_GetDrawMode")
        self._segment = call("FPDFPath_GetPathSegment")
        self._get_point = call("FPDFPathSegment_GetPoint")

    def areas(self, shapes: Iterable[_Shape]) -> Iterator[Area]:
        """The lines of all paths, those of a box together."""
        for shape in shapes:
            if shape.size != BOX_SEGMENTS or not self._is_filled_box(shape):
                yield from self._drawn(shape)
                continue
            _, _, left, bottom, right, top, wide, high = shape
            if wide and high:
                upright = [(left, bottom, top), (right, bottom, top)]
                level = [(bottom, left, right), (top, left, right)]
                yield Area(upright, level, left, bottom, right + CLOSE, top + CLOSE)
            elif high:
                yield Area.of_upright(left, bottom, top)
                yield Area.of_upright(right, bottom, top)
            else:
                yield Area.of_level(bottom, left, right)
                yield Area.of_level(top, left, right)

    def _is_filled_box(self, shape: _Shape) -> bool:
        """Whether a path is its own box. A stroke would make the box larger than the path."""
        if not (shape.is_wide and shape.is_high):
            self._get_mode(shape.path, *self._at_mode)
            return not self._mode[1]
        (_, (x, y)), (_, (u, v)) = self._points(shape, (1, 3))
        wide, high = shape.right - shape.left, shape.top - shape.bottom
        return abs(abs(x - u) - wide) < SAME and abs(abs(y - v) - high) < SAME

    def _points(self, shape: _Shape, numbers: Iterable[int]) -> Iterator[tuple[Any, Point]]:
        """Segments of a path by their numbers, and where they end."""
        self._get_matrix(shape.path, self._at_matrix)
        a, b, c, d, e, f = self._matrix
        for number in numbers:
            segment = self._segment(shape.path, number)
            self._get_point(segment, *self._at_point)
            x, y = self._point
            yield segment, (a * x + c * y + e, b * x + d * y + f)

    def _drawn(self, shape: _Shape) -> Iterator[Area]:
        """The lines of a path, segment by segment."""
        import pypdfium2.raw as pdfium

        before = begun = (0.0, 0.0)
        kind_of, closes = call("FPDFPathSegment_GetType"), call("FPDFPathSegment_GetClose")
        for segment, point in self._points(shape, range(shape.size)):
            kind = kind_of(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                before = begun = point
                continue
            if kind == pdfium.FPDF_SEGMENT_LINETO:
                yield from _along_an_axis(before, point)
            before = point
            if closes(segment):
                yield from _along_an_axis(point, begun)


def _along_an_axis(a: Point, b: Point) -> Iterator[Area]:
    wide, high = abs(a[0] - b[0]), abs(a[1] - b[1])
    if wide < THIN and high > SHORTEST:
        yield Area.of_upright(a[0], min(a[1], b[1]), max(a[1], b[1]))
    elif high < THIN and wide > SHORTEST:
        yield Area.of_level(a[1], min(a[0], b[0]), max(a[0], b[0]))


def clustered(places: Iterable[float]) -> list[float]:
    """Places in order, those close to each other as one."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > CLOSE:
            found.append(place)
    return found


class Edges:
    """Places on one axis, and the lines of a table that run there."""

    def __init__(self, lines: Iterable[Span]) -> None:
        ordered = sorted(lines)
        places = [at for at, _, _ in ordered]
        self.places = clustered(places)
        self._spans = [
            [
                (start - CLOSE, end + CLOSE)
                for _, start, end in ordered[
                    bisect_left(places, place - BEFORE) : bisect_right(places, place + CLOSE)
                ]
            ]
            for place in self.places
        ]

    def crosses(self, edge: int, middle: float) -> bool:
        """Whether a line runs at a place, by its number, past the middle of a cell's side."""
        return any(start <= middle <= end for start, end in self._spans[edge])
