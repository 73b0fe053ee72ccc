"""PDF: the text of each page by PDFium, the outline as headings, and pypdf where PDFium refuses."""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from haystack.components.converters import PyPDFToDocument
from haystack.dataclasses import ByteStream

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.indexing.readers.members import Member, Members, bundle
from pipelines.indexing.readers.ocr.engine import HOW_TO_INSTALL, engine_name
from pipelines.indexing.readers.pdf import letters, remarks, top_down, turned
from pipelines.indexing.readers.pdf.fields import Field, fields_of, in_place
from pipelines.indexing.readers.pdf.hidden import Layers
from pipelines.indexing.readers.pdf.labels import labels_of
from pipelines.indexing.readers.pdf.layers import is_garbled
from pipelines.indexing.readers.pdf.lines import text_of, text_page
from pipelines.indexing.readers.pdf.places import Places
from pipelines.indexing.readers.pdf.right_to_left import turned_back
from pipelines.indexing.readers.pdf.running_lines import without_running_lines
from pipelines.indexing.readers.pdf.scans import Scans, is_scan
from pipelines.indexing.readers.pdf.tables import columns, ruled, side_by_side, spaced
from pipelines.indexing.readers.pdf.tables.carried import Carried
from pipelines.text.clean import join_hyphens

# Outlines go deeper than a path of headings is worth reading.
MOST_LEVELS = 6
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
class _PageTexts:
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
    labels: list[tuple[int, str]] = []
    notes: list[str] = []
    attached: list[Member] = []
    try:
        with pypdfium2.PdfDocument(data) as document:
            pages = _page_texts(document, Layers(data))
            outline = list(_outline(document))
            labels = list(labels_of(document))
            scans = Scans(len(pages.texts), pages.bare, pages.garbled)
            pages.texts = scans.recognised(document, data, pages.texts, members.ocr)
            notes = scans.notes()
            attached = _attachments(document)
    except pypdfium2.PdfiumError:
        pages = _PageTexts(_pages_by_pypdf(data, mime), [], [])
    own = None
    if any(page.strip() for page in pages.texts):
        own = replace(_assembled(pages.texts, outline, mime, notes), labels=labels)
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
    whole = join_hyphens("\f".join(without_running_lines(pages))).split("\f")
    converted = assemble(
        [Block(page, page=n) for n, page in enumerate(whole, 1)], mime, notes=notes
    )
    return replace(converted, headings=_place(outline, converted))


def _page_texts(document: Any, layers: Layers) -> _PageTexts:
    """Read all pages. PDFium keeps the spaces that pypdf loses, and is 15 times as fast."""
    found = _PageTexts([], [], [])
    carried = Carried()
    has_form = bool(document.get_formtype())
    if has_form:
        document.init_forms()
    for number in range(len(document)):
        page = document[number]
        carried.turn()
        typed = list(remarks.typed(page))
        fields = fields_of(page, document.formenv) if has_form else []
        if has_form:
            page.flatten()  # what was filled in becomes text of the page once it is loaded again
            page.close()
            page = _opened(document, number, layers)
        else:
            layers.remove_hidden(page)
        whole, text = text_page(document, page)
        if not fields and not _is_cropped(page) and turned.is_turned(page, whole):
            text = turned.text_of(
                partial(_opened, document, number, layers),
                lambda part: _shown(part, *text_page(document, part), carried, []),
            )
        else:
            text = _shown(page, whole, text, carried, fields)
        text = remarks.with_links(text, document, page, whole)
        if is_scan(page, whole, text):
            found.bare.append(number + 1)
        elif is_garbled(text):
            found.garbled.append(number + 1)
        page.close()
        known = " ".join(text.split()) if typed else ""
        added = [one for one in typed if " ".join(one.split()) not in known]
        found.texts.append("\n\n".join([text, *added]).replace("\f", "\n"))
    return found


def _opened(document: Any, number: int, layers: Layers) -> Any:
    """A page without what hidden layers show."""
    page = document[number]
    layers.remove_hidden(page)
    return page


def _is_cropped(page: Any) -> bool:
    left, bottom, right, top = page.get_cropbox()
    outer = page.get_mediabox()
    return bool(
        left > outer[0] + 1 or bottom > outer[1] + 1 or right < outer[2] - 1 or top < outer[3] - 1
    )


def _shown(page: Any, whole: Any, text: str, carried: Carried, fields: list[Field]) -> str:
    """
    The text of a page that its crop box lets be seen, with its tables in rows.

    :param whole: PDFium's text page of it.
    :param text: Its text as PDFium gives it.
    """
    text, is_aligned = text_of(whole, text)
    if _is_cropped(page):
        text = whole.get_text_bounded(*page.get_cropbox())
    elif is_aligned:
        places = Places(whole)
        text = turned_back(letters.as_shown(text, whole, places), places)
        parted = side_by_side.in_order(text, places)
        ruled_text = ruled.in_rows(text, page, places, carried)
        if ruled_text is None and fields:
            return in_place(text, places, fields).replace("\r\n", "\n")
        by_columns = columns.in_rows(text, places) if ruled_text is None else ruled_text
        drawn = text
        text = spaced.in_rows(text, whole, places, carried) if by_columns == text else by_columns
        text = top_down.in_order(text, places) if text == drawn and not parted else text
        for lines, columns_of in parted:
            text = text.replace(lines, columns_of)
    return text.replace("\r\n", "\n")


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
        at = _title_place(entry.title, converted.text[starts[index] : end])
        headings.append((starts[index] + at, entry.level, entry.title[:200]))
    return sorted(headings, key=lambda heading: heading[0])


def _title_place(title: str, page: str) -> int:
    """Where a page has a title, whatever white space is between its words, or 0."""
    flat = page.lower().replace("\n", " ")
    place = flat.find(title.lower())
    if place >= 0 and len(flat) == len(page):
        return place
    pattern = r"\s+".join(re.escape(word) for word in title.split())
    found = re.compile(pattern, re.I).search(page)
    return found.start() if found else 0


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
