"""Where characters stand on a page of a PDF, and runs of them."""

from __future__ import annotations

import ctypes
from typing import Any

# Left, bottom, right and top in points, from the lower left corner of the page.
Box = tuple[float, float, float, float]


class Places:
    """
    The places of the characters of one page.

    :param page: PDFium's text page.
    """

    def __init__(self, page: Any) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium, self._page = pdfium, page.raw
        self._edges = tuple(ctypes.c_double() for _ in range(4))

    def box(self, character: int) -> Box | None:
        """The box of a character. PDFium has none for one that it made up itself."""
        left, right, bottom, top = self._edges
        get = self._pdfium.FPDFText_GetCharBox
        if not get(self._page, character, left, right, bottom, top):
            return None
        return left.value, bottom.value, right.value, top.value

    def gap(self, before: int, after: int) -> tuple[float, float] | None:
        """From where to where the gap between two characters goes."""
        left, right, bottom, top = self._edges
        get = self._pdfium.FPDFText_GetCharBox
        if not get(self._page, before, left, right, bottom, top):
            return None
        begin = right.value
        return (begin, left.value) if get(self._page, after, left, right, bottom, top) else None

    def middle(self, character: int) -> tuple[float, float] | None:
        """The middle of a character."""
        box = self.box(character)
        return None if box is None else ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def around(self, start: int, end: int) -> Box | None:
        """The box around some characters, which takes PDFium less time than the box of each."""
        left, right, bottom, top = self._edges
        get = self._pdfium.FPDFText_GetRect
        around: Box | None = None
        for number in range(self._pdfium.FPDFText_CountRects(self._page, start, end - start)):
            get(self._page, number, left, top, right, bottom)
            box = left.value, bottom.value, right.value, top.value
            around = box if around is None else joined(around, box)
        return around


def joined(a: Box, b: Box) -> Box:
    """The box around two boxes."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
