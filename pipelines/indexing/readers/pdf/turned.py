"""
Text that is turned by a quarter, a half or three quarters: tables across the page, scans of them.

PDFium reads such text in lines, but tables are found by columns from left to right. So what is
turned one way is read as a page of its own, turned back.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipelines.indexing.readers.pdf.calls import call, pointer_to

# Characters whose direction is looked up to tell whether a page has turned text, and the share of
# them that must be turned. Less is a stamp at the margin, or the name of an axis.
SAMPLED = 60
LEAST_SHARE = 0.1
# Objects of a page that are looked at, and how deep text stands in forms.
MOST_OBJECTS = 50_000
DEEPEST = 8
# Largest deviation from a quarter turn, in degrees.
CLOSE = 2.0


@dataclass(frozen=True)
class _Piece:
    """An object with text: its number on the page, its quarter turns, and from where to where it goes."""

    number: int
    turns: int
    bottom: float
    top: float


def is_turned(page: Any, text_page: Any) -> bool:
    """Whether a page is shown turned, or much of its text is."""
    count = text_page.count_chars()
    if not count:
        return False
    if page.get_rotation():
        return True
    numbers = range(0, count, max(1, count // SAMPLED))
    pointer, angle_of = pointer_to(text_page.raw), call("FPDFText_GetCharAngle")
    angles = [angle_of(pointer, number) for number in numbers]
    if not any(angles):
        return False  # most pages
    found = sum(1 for angle in angles if angle != 0 and _turns(angle) != 0)
    return found >= LEAST_SHARE * len(numbers)


def text_of(load: Callable[[], Any], shown: Callable[[Any], str]) -> str:
    """
    The text of a page, what is turned one way after what stands above it.

    :param load: Opens the page again, because its objects are taken off and turned.
    :param shown: The text of a page that is upright.
    """
    first = load()
    groups = _groups(_pieces(first))
    first.close()
    texts = []
    for turns, numbers in groups:
        page = load()
        others = {number for _, group in groups for number in group} - numbers
        with _upright(page, turns, others):
            texts.append(shown(page))
        page.close()
    return "\n".join(text for text in texts if text.strip())


def _turns(angle: float) -> int:
    """The quarter turns of an angle in radians. What is at a slant counts as upright."""
    turns = round(angle / (math.pi / 2))
    return turns % 4 if abs(math.degrees(angle) - 90 * turns) < CLOSE else 0


def _pieces(page: Any) -> list[_Piece]:
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pieces = []
    for number in range(min(MOST_OBJECTS, pdfium.FPDFPage_CountObjects(page.raw))):
        shape = pdfium.FPDFPage_GetObject(page.raw, number)
        turns = _turns_of(shape, (1.0, 0.0, 0.0, 1.0))
        if turns is not None and pdfium.FPDFPageObj_GetBounds(shape, left, bottom, right, top):
            pieces.append(_Piece(number, turns, bottom.value, top.value))
    return pieces


def _turns_of(shape: Any, around: tuple[float, ...], depth: int = 0) -> int | None:
    """The quarter turns of the first text in an object, or None if it has none."""
    import pypdfium2.raw as pdfium

    kind = pdfium.FPDFPageObj_GetType(shape)
    if kind not in (pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_FORM) or depth > DEEPEST:
        return None
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(shape, matrix)
    a, b, c, d = around
    turned = (
        matrix.a * a + matrix.b * c,
        matrix.a * b + matrix.b * d,
        matrix.c * a + matrix.d * c,
        matrix.c * b + matrix.d * d,
    )
    if kind == pdfium.FPDF_PAGEOBJ_TEXT:
        return _turns(math.atan2(turned[1], turned[0]))
    inner = range(min(MOST_OBJECTS, pdfium.FPDFFormObj_CountObjects(shape)))
    found = (_turns_of(pdfium.FPDFFormObj_GetObject(shape, n), turned, depth + 1) for n in inner)
    return next((turns for turns in found if turns is not None), None)


def _groups(pieces: list[_Piece]) -> list[tuple[int, set[int]]]:
    """
    Pieces that are read together, in the order of reading.

    :returns: Quarter turns, and the numbers of the objects.
    """
    upright = [one for one in pieces if one.turns == 0]
    turned = [one for one in pieces if one.turns]
    ways = [turns for turns, _ in Counter(one.turns for one in turned).most_common()]
    middle = [(turns, {one.number for one in turned if one.turns == turns}) for turns in ways]
    if not upright or not turned:
        return [(0, {one.number for one in upright}), *middle] if upright else middle
    top, bottom = max(one.top for one in turned), min(one.bottom for one in turned)
    below = {one.number for one in upright if (one.top + one.bottom) / 2 < bottom}
    above = {one.number for one in upright if (one.top + one.bottom) / 2 > top}
    if len(above) + len(below) < len(upright):  # it stands beside
        return [(0, {one.number for one in upright}), *middle]
    return [(0, above), *middle, (0, below)]


@contextmanager
def _upright(page: Any, turns: int, others: set[int]) -> Iterator[None]:
    """Turn all objects of a page back, without some of them, and the page with them."""
    import pypdfium2.raw as pdfium

    rotation, box = page.get_rotation(), page.get_mediabox()
    cropped = page.get_cropbox(fallback_ok=False)
    left, bottom, right, top = box
    matrix = {
        0: (1, 0, 0, 1, -left, -bottom),
        1: (0, -1, 1, 0, -bottom, right),
        2: (-1, 0, 0, -1, right, top),
        3: (0, 1, -1, 0, top, -left),
    }[turns]
    size = (right - left, top - bottom)
    wide, high = size if turns % 2 == 0 else size[::-1]
    shapes = [
        pdfium.FPDFPage_GetObject(page.raw, number)
        for number in range(pdfium.FPDFPage_CountObjects(page.raw))
    ]
    for number, shape in enumerate(shapes):
        if number in others:
            pdfium.FPDFPage_RemoveObject(page.raw, shape)
            pdfium.FPDFPageObj_Destroy(shape)
        else:
            pdfium.FPDFPageObj_Transform(shape, *matrix)
    page.set_rotation(0)
    page.set_mediabox(0, 0, wide, high)
    if cropped is not None:
        page.set_cropbox(0, 0, wide, high)
    try:
        yield
    finally:
        page.set_rotation(rotation)
        page.set_mediabox(*box)
        if cropped is not None:
            page.set_cropbox(*cropped)
