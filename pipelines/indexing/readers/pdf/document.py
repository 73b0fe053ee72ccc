"""PDF: the text of each page by PDFium, the outline as headings, and pypdf where PDFium refuses."""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from haystack.components.converters import PyPDFToDocument
from haystack.dataclasses import ByteStream

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.indexing.readers.members import Member, Members, bundle
from pipelines.indexing.readers.ocr.engine import HOW_TO_INSTALL, engine_name
from pipelines.indexing.readers.pdf import columns, ruled
from pipelines.indexing.readers.pdf.layers import is_garbled
from pipelines.indexing.readers.pdf.scans import Scans
from pipelines.text.clean import join_hyphens

# Outlines go deeper than a path of headings is worth reading.
MOST_LEVELS = 6
# Annotations of a page that are looked at.
MOST_ANNOTATIONS = 2000
# Files attached to a document that are read, and the size of each.
MOST_ATTACHED = 500
MOST_BYTES = 200_000_000


@dataclass(frozen=True)
class _Entry:
    """A line of the outline: `page` counts from 1."""

    title: str
    level: int
    page: int


@dataclass
class _Pages:
    """The texts of all pages, and the numbers (from 1) of those that have none, or a garbled one."""

    texts: list[str]
    bare: list[int]
    garbled: list[int]


def read(data: bytes, mime: str, members: Members) -> Converted:
    """
    The pages of a PDF, then the files attached to it.

    :raises InputError: It needs a password, is damaged, or has no text.
    """
    import pypdfium2

    outline: list[_Entry] = []
    notes: list[str] = []
    attached: list[Member] = []
    try:
        with pypdfium2.PdfDocument(data) as document:
            pages = _page_texts(document)
            outline = list(_outline(document))
            scans = Scans(len(pages.texts), pages.bare, pages.garbled)
            pages.texts = scans.recognised(document, pages.texts, members.ocr)
            notes = scans.notes()
            attached = _attachments(document)
    except pypdfium2.PdfiumError:
        pages = _Pages(_pages_by_pypdf(data, mime), [], [])
    own = None
    if any(page.strip() for page in pages.texts):
        own = _assembled(pages.texts, outline, mime, notes)
    elif not attached:
        raise InputError(_without_text(len(pages.texts), notes))
    return bundle(own, members.read(attached), members, mime) if attached else _own(own)


def _own(found: Converted | None) -> Converted:
    assert found is not None, "a document without attachments has text"
    return found


def _without_text(count: int, notes: Sequence[str]) -> str:
    told = f"no text layer: its {count} page(s) hold no text"
    if engine_name() is None:
        return f"{told}, and there is no text recognition (OCR): {HOW_TO_INSTALL}"
    return f"{told} ({'; '.join(notes)})" if notes else told


def _assembled(
    pages: Sequence[str], outline: Iterable[_Entry], mime: str, notes: Sequence[str]
) -> Converted:
    kept = _without_running_lines(_without_running_lines(pages))
    whole = join_hyphens("\f".join(kept)).split("\f")
    converted = assemble(
        [Block(page, page=n) for n, page in enumerate(whole, 1)], mime, notes=notes
    )
    return replace(converted, headings=_place(outline, converted))


def _page_texts(document: Any) -> _Pages:
    """Read all pages. PDFium keeps the spaces that pypdf loses, and is 15 times as fast."""
    found = _Pages([], [], [])
    has_form = bool(document.get_formtype())
    if has_form:
        document.init_forms()
    for number in range(len(document)):
        page = document[number]
        typed = list(_typed(page))
        if has_form:
            page.flatten()  # what was filled in becomes text of the page once it is loaded again
            page.close()
            page = document[number]
        text = _shown(page)
        if not text.strip() and next(page.get_objects(max_depth=1), None) is not None:
            found.bare.append(number + 1)
        elif is_garbled(text):
            found.garbled.append(number + 1)
        page.close()
        known = " ".join(text.split())
        added = [one for one in typed if " ".join(one.split()) not in known]
        found.texts.append("\n\n".join([text, *added]).replace("\f", "\n"))
    return found


def _shown(page: Any) -> str:
    """The text of a page that its crop box lets be seen, with its tables in rows."""
    whole = page.get_textpage()
    text: str = whole.get_text_range()
    left, bottom, right, top = page.get_cropbox()
    outer = page.get_mediabox()
    if left > outer[0] + 1 or bottom > outer[1] + 1 or right < outer[2] - 1 or top < outer[3] - 1:
        text = whole.get_text_bounded(left, bottom, right, top)
    elif len(text) == whole.count_chars():
        ruled_text = ruled.in_rows(text, page, whole)
        text = columns.in_rows(text, whole) if ruled_text is None else ruled_text
    return text.replace("\r\n", "\n")


def _typed(page: Any) -> Iterator[str]:
    """What people typed onto a page, and notes that they stuck to it."""
    import ctypes

    import pypdfium2.raw as pdfium

    kinds = {pdfium.FPDF_ANNOT_FREETEXT: "{}", pdfium.FPDF_ANNOT_TEXT: "(note: {})"}
    for place in range(min(MOST_ANNOTATIONS, pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, place)
        if not annotation:
            continue
        shape = kinds.get(pdfium.FPDFAnnot_GetSubtype(annotation))
        if shape is not None:
            size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
            buffer = ctypes.create_string_buffer(size)
            pointer = ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR))
            pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", pointer, size)
            text = buffer.raw[: max(0, size - 2)].decode("utf-16-le", "ignore").strip()
            if text:
                yield shape.format(text.replace("\r\n", "\n").replace("\r", "\n"))
        pdfium.FPDFPage_CloseAnnot(annotation)


def _attachments(document: Any) -> list[Member]:
    def load(number: int, most_bytes: int) -> bytes:
        return bytes(document.get_attachment(number).get_data())[:most_bytes]

    count = min(MOST_ATTACHED, document.count_attachments())
    names = [document.get_attachment(number).get_name() for number in range(count)]
    # The document is closed when they are read.
    return [Member.of(name, load(number, MOST_BYTES)) for number, name in enumerate(names)]


def _outline(document: Any) -> Iterator[_Entry]:
    for bookmark in document.get_toc(max_depth=MOST_LEVELS):
        target = bookmark.get_dest()
        page = target.get_index() if target is not None else None
        title = " ".join(bookmark.get_title().split())
        if page is not None and title:
            yield _Entry(title, bookmark.level + 1, page + 1)


def _place(outline: Iterable[_Entry], converted: Converted) -> list[tuple[int, int, str]]:
    """The outline as headings: where a page has the title, else where the page begins."""
    starts = [start for start, _ in converted.pages]
    numbers = [number for _, number in converted.pages]
    headings = []
    for entry in outline:
        index = bisect_right(numbers, entry.page) - 1
        if index < 0 or numbers[index] != entry.page:
            continue  # a page without text
        end = starts[index + 1] if index + 1 < len(starts) else len(converted.text)
        pattern = r"\s+".join(re.escape(word) for word in entry.title.split())
        found = re.compile(pattern, re.I).search(converted.text, starts[index], end)
        place = found.start() if found else starts[index]
        headings.append((place, entry.level, entry.title[:200]))
    return sorted(headings, key=lambda heading: heading[0])


def _pages_by_pypdf(data: bytes, mime: str) -> list[str]:
    """
    What PDFium refuses, by pypdf: it opens some files for an empty owner password.

    :raises InputError: It needs a password, or is damaged.
    """
    from pypdf import PasswordType, PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED
    except MemoryError:
        raise
    except Exception as error:  # pypdf lets all kinds through on a broken file
        raise InputError("the file is damaged: it is not a complete PDF") from error
    if locked:
        raise InputError("the file needs a password; save it without one")
    # The converter logs a page it cannot read, and returns nothing.
    documents = PyPDFToDocument().run(sources=[ByteStream(data, mime_type=mime)])["documents"]
    if not documents:
        raise InputError("the file is damaged: its pages cannot be read")
    return (documents[0].content or "").split("\f")


def _without_running_lines(pages: Sequence[str]) -> list[str]:
    """Pages without the header and footer lines that most of them share (page numbers aside)."""

    def shape(line: str) -> str:
        return re.sub(r"\d+", "#", line.strip())

    lines = [page.strip("\n").split("\n") for page in pages]
    seen = Counter(shape(edge) for page in lines for edge in {page[0], page[-1]} if edge.strip())
    running = {line for line, n in seen.items() if n >= max(4, len(pages) // 2)}
    kept = []
    for page in lines:
        if len(page) > 2 and shape(page[0]) in running:
            page = page[1:]
        if len(page) > 2 and shape(page[-1]) in running:
            page = page[:-1]
        kept.append("\n".join(page))
    return kept
