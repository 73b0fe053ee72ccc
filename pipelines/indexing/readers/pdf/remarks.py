"""What lies over a page of a PDF: typed text, notes and remarks of readers, and links."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import Any

from pipelines.indexing.readers.web.links import of_address

# Annotations of a page that are looked at.
MOST = 2000
# On a page with more links they are references, and only those to files are written out.
MOST_LINKS = 8
LONGEST_ADDRESS = 2000
# Flags of annotations that no reader of the page sees: hidden, and not for the screen. What a remark
# says opens on a click all the same.
HIDDEN = 0x2
NOT_SHOWN = HIDDEN | 0x20


def typed(page: Any) -> Iterator[str]:
    """What people typed onto a page, and what they remarked on parts of it."""
    import pypdfium2.raw as pdfium

    shapes = _shapes()
    for kind, annotation in _annotations(page):
        hides = NOT_SHOWN if kind == pdfium.FPDF_ANNOT_FREETEXT else HIDDEN
        if kind not in shapes or pdfium.FPDFAnnot_GetFlags(annotation) & hides:
            continue
        if text := _contents(annotation):
            yield shapes[kind].format(text.replace("\r\n", "\n").replace("\r", "\n"))


@cache
def _shapes() -> dict[int, str]:
    """How the words of each kind of annotation are written."""
    import pypdfium2.raw as pdfium

    shapes = {pdfium.FPDF_ANNOT_FREETEXT: "{}", pdfium.FPDF_ANNOT_TEXT: "(note: {})"}
    others = "HIGHLIGHT UNDERLINE SQUIGGLY STRIKEOUT CARET SQUARE CIRCLE LINE POLYGON INK STAMP"
    return shapes | {getattr(pdfium, f"FPDF_ANNOT_{kind}"): "(note: {})" for kind in others.split()}


def with_links(text: str, document: Any, page: Any, whole: Any) -> str:
    """
    The text of a page, with addresses after the words that lead to them.

    :param whole: PDFium's text page of it.
    """
    links = dict(_links(document, page, whole))
    for words, address in links.items():
        target = of_address(address, words, is_web_shown=len(links) <= MOST_LINKS)
        if not target or address in text:
            continue
        place = text.find(words)
        end = place + len(words) if place >= 0 else len(text)
        added = target if place >= 0 else f"\n{words}{target}"
        text = f"{text[:end]}{added}{text[end:]}"
    return text


def _links(document: Any, page: Any, whole: Any) -> Iterator[tuple[str, str]]:
    """The words of each link, and where it leads. The lines of one link are one."""
    import pypdfium2.raw as pdfium

    edges = pdfium.FS_RECTF()
    before = ""
    for kind, annotation in _annotations(page):
        if kind != pdfium.FPDF_ANNOT_LINK or not pdfium.FPDFAnnot_GetRect(annotation, edges):
            continue
        action = pdfium.FPDFLink_GetAction(pdfium.FPDFAnnot_GetLink(annotation))
        if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
            continue
        buffer = ctypes.create_string_buffer(LONGEST_ADDRESS)
        size = pdfium.FPDFAction_GetURIPath(document.raw, action, buffer, len(buffer))
        address = buffer.raw[: max(0, size - 1)].decode("utf-8", "ignore")
        words = whole.get_text_bounded(edges.left, edges.bottom, edges.right, edges.top)
        words = " ".join(words.split())
        if 0 < size <= LONGEST_ADDRESS and words and address != before:
            yield words, address
        before = address


def _annotations(page: Any) -> Iterator[tuple[int, Any]]:
    """Annotations with their kinds."""
    import pypdfium2.raw as pdfium

    for place in range(min(MOST, pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, place)
        if annotation:
            yield pdfium.FPDFAnnot_GetSubtype(annotation), annotation
            pdfium.FPDFPage_CloseAnnot(annotation)


def _contents(annotation: Any) -> str:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    buffer = ctypes.create_string_buffer(size)
    pointer = ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR))
    pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", pointer, size)
    return buffer.raw[: max(0, size - 2)].decode("utf-16-le", "ignore").strip()
