"""Where characters stand on a page of a PDF, and runs of them."""

from __future__ import annotations

from array import array
from typing import Any

from pipelines.indexing.readers.pdf.calls import call, places_in, pointer_to

# Left, bottom, right and top in points, from the lower left corner of the page.
Box = tuple[float, float, float, float]


class Places:
    """
    The places of the characters of one page.

    :param page: PDFium's text page.
    """

    def __init__(self, page: Any) -> None:
        self._page = pointer_to(page.raw)
        self._of = page  # which must outlive its address
        self._edges = array("d", [0.0] * 4)
        left, bottom, right, top = places_in(self._edges)
        self._at, self._at_of_part = (left, right, bottom, top), (left, top, right, bottom)
        self._get = call("FPDFText_GetCharBox")

    def box(self, character: int) -> Box | None:
        """The box of a character. PDFium has none for one that it made up itself."""
        if not self._get(self._page, character, *self._at):
            return None
        left, bottom, right, top = self._edges
        return left, bottom, right, top

    def gap(self, before: int, after: int) -> tuple[float, float] | None:
        """From where to where the gap between two characters goes."""
        if not self._get(self._page, before, *self._at):
            return None
        begin = self._edges[2]
        return (begin, self._edges[0]) if self._get(self._page, after, *self._at) else None

    def middle(self, character: int) -> tuple[float, float] | None:
        """The middle of a character."""
        box = self.box(character)
        return None if box is None else ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def parts(self, start: int, end: int) -> list[Box]:
        """The boxes of the parts that some characters were drawn in, which takes PDFium little time."""
        get, boxes = call("FPDFText_GetRect"), []
        for number in range(call("FPDFText_CountRects")(self._page, start, end - start)):
            get(self._page, number, *self._at_of_part)
            left, bottom, right, top = self._edges
            boxes.append((left, bottom, right, top))
        return boxes

    def around(self, start: int, end: int) -> Box | None:
        """The box around some characters, which takes PDFium less time than the box of each."""
        boxes = self.parts(start, end)
        around = boxes[0] if boxes else None
        for box in boxes[1:]:
            assert around is not None
            around = joined(around, box)
        return around


def joined(a: Box, b: Box) -> Box:
    """The box around two boxes."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
