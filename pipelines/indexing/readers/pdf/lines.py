"""The text of a page in lines, also where PDFium takes narrow columns for lines from top to bottom."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from typing import Any

from pipelines.indexing.readers.pdf.calls import call, pointer_to
from pipelines.indexing.readers.pdf.places import Places

# A page of fewer lines tells too little. This share of single letters is no text in lines.
FEWEST_LINES = 5
MOST_SINGLE = 0.6
# Longer lines, on a page with few, may be several that stand so much of their height below each other.
LONG_LINE = 75
MOST_JOINED = 10
LEAST_STEP = 0.8
# A character that its font does not name.
UNKNOWN = 0xFFFD
# Characters of a page that are looked at one by one.
MOST_CHARACTERS = 50_000
# Stands at the lower edge over the whole width of a page, so that PDFium sees lines across it.
_MARK = "¦¦¦"


def text_page(document: Any, page: Any) -> tuple[Any, str]:
    """
    PDFium's text page, and its text in lines from left to right as PDFium gives it.

    PDFium takes a page whose words leave much of its width free, as a narrow table does, for one
    that is written from top to bottom. It puts each letter on a line of its own, or all in one line.
    """
    whole = page.get_textpage()
    text = whole.get_text_range()
    falls_apart = _falls_apart(text)
    if not falls_apart and not _runs_on(whole, text):
        return whole, text
    _add_mark(document, page)
    marked = page.get_textpage()
    across = marked.get_text_range()
    is_better = not _falls_apart(across) and (falls_apart or across.count("\n") > text.count("\n"))
    return (marked, across) if is_better else (whole, text)


def text_of(whole: Any, text: str) -> tuple[str, bool]:
    """
    The text of a page, and whether it has one sign for each of its characters.

    PDFium leaves out a character whose font does not say which it is. Here a sign stands for it, so
    that it is seen, and that the places of all others are known.

    :param whole: PDFium's text page of it.
    :param text: Its text as PDFium gives it.
    """
    count = whole.count_chars()
    if len(text) != count and count <= MOST_CHARACTERS:
        pointer, code_of = pointer_to(whole.raw), call("FPDFText_GetUnicode")
        signs = "".join(chr(code_of(pointer, number) or UNKNOWN) for number in range(count))
        text = text if any("\ud800" <= sign <= "\udfff" for sign in signs) else signs
    is_aligned = len(text) == count
    bare = text.rstrip()
    return (bare.removesuffix(_MARK), is_aligned) if bare.endswith(_MARK) else (text, is_aligned)


def _falls_apart(text: str) -> bool:
    """Whether most lines are one letter of an alphabet, which no one writes below each other."""
    if text.count("\n") < FEWEST_LINES:
        return False
    lines = [line.strip() for line in text.split("\n")]
    single = sum(len(line) == 1 and line < "\u2e80" for line in lines)
    return single > MOST_SINGLE * len(lines) and any(map(str.isalpha, lines))


def _runs_on(whole: Any, text: str) -> bool:
    """Whether lines that stand below each other were joined to one."""
    lines = text.count("\n") + text.count("\ufffe") + 1
    if lines > MOST_JOINED or len(text) < LONG_LINE or max(map(len, text.split("\n"))) < LONG_LINE:
        return False
    boxes = sorted(Places(whole).parts(0, len(text)), key=lambda box: box[1])
    below = sum(b[1] - a[1] > LEAST_STEP * (b[3] - b[1]) for a, b in pairwise(boxes))
    return below >= max(2, lines)


def _add_mark(document: Any, page: Any) -> None:
    import pypdfium2.raw as pdfium

    left, bottom, right, _ = page.get_mediabox()
    shape = pdfium.FPDFPageObj_NewTextObj(document.raw, b"Helvetica", 1.0)
    wide = ctypes.create_string_buffer(f"{_MARK}\0".encode("utf-16-le"))
    pdfium.FPDFText_SetText(shape, ctypes.cast(wide, ctypes.POINTER(pdfium.FPDF_WCHAR)))
    edges = [ctypes.c_float() for _ in range(4)]
    pdfium.FPDFPageObj_GetBounds(shape, *edges)
    scale = (right - left) / max(0.01, edges[2].value - edges[0].value)
    pdfium.FPDFPageObj_Transform(shape, scale, 0, 0, 4, left - edges[0].value * scale, bottom)
    pdfium.FPDFPage_InsertObject(page.raw, shape)
