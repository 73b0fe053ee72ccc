"""PDF: the text of each page by PDFium, the outline as headings; pypdf for what PDFium refuses."""

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
from pipelines.text.clean import join_hyphens

# Outlines go deeper than a path of headings is worth reading.
MOST_LEVELS = 6


@dataclass(frozen=True)
class _Entry:
    """A line of the outline: `page` counts from 1."""

    title: str
    level: int
    page: int


def read(data: bytes, mime: str) -> Converted:
    """
    The pages of a PDF.

    :raises InputError: It needs a password, is damaged, or has no text layer.
    """
    import pypdfium2

    outline: list[_Entry] = []
    try:
        with pypdfium2.PdfDocument(data) as document:
            pages = list(_page_texts(document))
            outline = list(_outline(document))
    except pypdfium2.PdfiumError:
        pages = _pages_by_pypdf(data, mime)
    if not any(page.strip() for page in pages):
        raise InputError(
            f"no text layer: its {len(pages)} page(s) hold no text; run text recognition (OCR) first"
        )
    kept = _without_running_lines(pages)
    converted = assemble(
        [Block(join_hyphens(page), page=n) for n, page in enumerate(kept, 1)], mime
    )
    return replace(converted, headings=_place(outline, converted))


def _page_texts(document: Any) -> Iterator[str]:
    """PDFium keeps the spaces between words that pypdf loses, and is 15 times as fast."""
    has_form = bool(document.get_formtype())
    if has_form:
        document.init_forms()
    for number in range(len(document)):
        page = document[number]
        if has_form:
            page.flatten()  # what was filled in becomes text of the page, once it is loaded anew
            page.close()
            page = document[number]
        text: str = page.get_textpage().get_text_range()
        page.close()
        # It marks a hyphen that only breaks a line with this non-character.
        yield text.replace("\r\n", "\n").replace("\ufffe\n", "").replace("\ufffe", "")


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
