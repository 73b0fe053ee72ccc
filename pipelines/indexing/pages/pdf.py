"""A page of a PDF as PDFium draws it, and where words stand on it. For the limited child only."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.pages import boxes, scanned, words
from pipelines.indexing.pages.boxes import Box
from pipelines.indexing.pages.sheet import Quote, Sheet
from pipelines.indexing.readers.ocr.engine import MOST_PIXELS as MOST_RECOGNISED
from pipelines.indexing.readers.pdf.labels import label_of
from pipelines.indexing.readers.pdf.scans import DOTS, POINTS

# What a picture may have, whatever the page's size: 6 million pixels are 24 MB while it is drawn.
MOST_PIXELS = 6_000_000
MOST_SIDE = 8000
# Characters of a page that are looked through for words, and that are told to a screen reader.
MOST_CHARACTERS = 100_000
MOST_TOLD = 20_000
# PDFium gives places in whole units, so the page is taken to be this large.
UNITS = 1_000_000
QUALITY = 85


def scale_of(width: float, height: float, width_px: int) -> float:
    """
    Pixels per point for a picture of this width, less where it would become too large.

    :param width: Of the page, in points.
    """
    wanted = width_px / width
    return min(wanted, math.sqrt(MOST_PIXELS / (width * height)), MOST_SIDE / max(width, height))


def open_pdf(data: bytes) -> Any:
    """
    Open a PDF.

    :raises InputError: It needs a password, or is damaged.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError("the file needs a password") from error
        raise InputError("the file is damaged") from error
    if document.get_formtype():
        document.init_forms()
    return document


def draw(document: Any, number: int, width_px: int) -> bytes:
    """
    A picture of a page (from 1), as WebP.

    :raises InputError: There is no such page, or it is damaged.
    """
    page = _page(document, number)
    width, height = _size(page)
    drawn = page.render(scale=scale_of(width, height, width_px)).to_pil().convert("RGB")
    out = io.BytesIO()
    drawn.save(out, "WEBP", quality=QUALITY, method=2)
    return out.getvalue()


def look(document: Any, number: int, quote: Quote | None, *, around: bool) -> Sheet:
    """
    What stands on a page, and where a quote's words are.

    :param around: If they are not on this page, take the one after or before it that has them.
    :raises InputError: There is no such page, or it is damaged.
    """
    near = [n for n in (number + 1, number - 1) if 0 < n <= len(document)]
    first = _sheet(document, number, quote)
    if first.boxes or quote is None or not around:
        return first
    others = (_sheet(document, n, quote) for n in near)
    return next((sheet for sheet in others if sheet.boxes), first)


def _page(document: Any, number: int) -> Any:
    import pypdfium2

    if not 0 < number <= len(document):
        raise InputError(f"there is no page {number}; it has {len(document)}")
    try:
        page = document[number - 1]
        if document.formenv is not None:
            page.flatten()  # what was filled in becomes part of the page once it is loaded again
            page.close()
            page = document[number - 1]
        return page
    except pypdfium2.PdfiumError as error:
        raise InputError(f"page {number} is damaged") from error


def _size(page: Any) -> tuple[float, float]:
    width, height = page.get_size()
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        raise InputError("the page has no size")
    return max(1.0, width), max(1.0, height)


def _sheet(document: Any, number: int, quote: Quote | None) -> Sheet:
    page = _page(document, number)
    width, height = _size(page)
    text = page.get_textpage()
    characters = _characters(text)
    found: list[Box] = []
    if quote is not None and characters:
        spans = words.find(characters, quote.text, quote.span, lambda place: -_box(text, place)[1])
        places = (place for start, end in spans for place in range(start, end))
        found = boxes.lines(_on_screen(page, text, characters, places), aspect=width / height)
    told = " ".join(characters[:MOST_TOLD].split())
    is_picture = not characters.strip() and next(page.get_objects(max_depth=1), None) is not None
    label = label_of(document, number)
    return Sheet(number, len(document), width, height, told, found, is_picture, label)


def recognise(document: Any, number: int, quote: Quote) -> list[Box]:
    """
    Boxes around a quote's words on a page that is a picture, found by text recognition.

    :raises InputError: There is no such page, or no recognition, or it takes too long.
    """
    page = _page(document, number)
    width, height = _size(page)
    scale = min(DOTS / POINTS, math.sqrt(MOST_RECOGNISED / (width * height)))
    picture = page.render(scale=scale, grayscale=True).to_pil()
    text, placed = scanned.words_of(picture)
    spans = words.find(text, quote.text, quote.span, lambda place: placed[place][1])
    found = (placed[place] for start, end in spans for place in range(start, end))
    return boxes.lines((box for box in found if box != scanned.NOWHERE), aspect=width / height)


def _characters(text: Any) -> str:
    """The characters of a page, one for each of PDFium's, so that places agree."""
    import pypdfium2.raw as pdfium

    count = min(text.count_chars(), MOST_CHARACTERS)
    codes = (pdfium.FPDFText_GetUnicode(text, place) for place in range(count))
    return "".join(
        chr(code) if 0 < code < 0xD800 or 0xE000 <= code < 0x110000 else " " for code in codes
    )


def _box(text: Any, place: int) -> Box:
    """The box of a character in points. One that PDFium made up itself has none: zeros."""
    try:
        left, bottom, right, top = text.get_charbox(place, loose=True)
    except Exception:  # PDFium's own error, whose kind depends on its version
        return 0.0, 0.0, 0.0, 0.0
    return left, bottom, right, top


def _on_screen(page: Any, text: Any, characters: str, places: Iterable[int]) -> Iterator[Box]:
    """The boxes of characters as shares of the page as it is drawn: turned and cropped."""
    for place in places:
        if characters[place].isspace():
            continue
        left, bottom, right, top = _box(text, place)
        if left == right and bottom == top:
            continue
        (x, y), (other_x, other_y) = _drawn(page, left, bottom), _drawn(page, right, top)
        yield min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


def _drawn(page: Any, x: float, y: float) -> tuple[float, float]:
    import ctypes

    import pypdfium2.raw as pdfium

    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, UNITS, UNITS, 0, x, y, across, down)
    return across.value / UNITS, down.value / UNITS
