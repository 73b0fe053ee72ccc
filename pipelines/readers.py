"""
Readers by file type: bytes to blocks. They run in the converter's child process.

Haystack's converters read where they keep what citations need; Word, Excel, CSV and Markdown are
read closer to the file, because the converters drop text boxes, content controls, header rows or
headings.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from haystack.components.converters import HTMLToDocument, PPTXToDocument, PyPDFToDocument
from haystack.dataclasses import ByteStream

from pipelines.convert import Block, Converted, Limits, assemble
from pipelines.errors import InputError
from pipelines.text import decode, join_hyphens

# Main-text extraction that keeps less than this share of a page's visible text lost the page.
LEAST_MAIN_TEXT = 0.3
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def warm() -> None:
    """Import now what reading needs, before the memory limit is taken from what is in use."""
    import docx
    import lxml.html
    import lxml_html_clean
    import openpyxl
    import trafilatura

    _ = docx, lxml.html, lxml_html_clean, openpyxl, trafilatura


def read(data: bytes, mime: str, limits: Limits) -> Converted:
    """
    The text of a file.

    :raises InputError: Why it cannot be read.
    """
    if mime.startswith("application/vnd.openxmlformats"):
        _check_package(data, limits)
    return _READERS[mime](data, mime)


def _check_package(data: bytes, limits: Limits) -> None:
    """Refuse what is no zip, is encrypted, or would expand beyond the limit."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError("the file needs a password, or is in an old Office format; save it anew")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            expanded = sum(entry.file_size for entry in package.infolist())
    except zipfile.BadZipFile:
        raise InputError("the file is damaged: it is not a complete Office file") from None
    if expanded > limits.expanded_mb * 1_000_000:
        raise InputError(
            f"the file expands to {expanded / 1e6:.0f} MB; the limit is {limits.expanded_mb} MB"
        )


def _pdf(data: bytes, mime: str) -> Converted:
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(data) as document:
            pages = [_page_text(page) for page in document]
    except pypdfium2.PdfiumError:
        pages = _pdf_again(data, mime)
    if not any(page.strip() for page in pages):
        raise InputError(
            f"no text layer: its {len(pages)} page(s) hold no text; run text recognition (OCR) first"
        )
    kept = _without_running_lines(pages)
    return assemble([Block(join_hyphens(page), page=n) for n, page in enumerate(kept, 1)], mime)


def _page_text(page: Any) -> str:
    """PDFium keeps the spaces between words that pypdf loses, and is 15 times as fast."""
    text: str = page.get_textpage().get_text_range()
    # It marks a hyphen that only breaks a line with this non-character.
    return text.replace("\r\n", "\n").replace("\ufffe\n", "").replace("\ufffe", "")


def _pdf_again(data: bytes, mime: str) -> list[str]:
    """
    What PDFium refuses, by pypdf: it opens some files for an empty owner password.

    :raises InputError: It needs a password, or is damaged.
    """
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise InputError("the file needs a password; save it without one")
    documents = PyPDFToDocument().run(sources=[ByteStream(data, mime_type=mime)])["documents"]
    if not documents:
        # The converter logs its reason and goes on; asking the pages again raises it.
        for page in reader.pages:
            page.extract_text()
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


def _pptx(data: bytes, mime: str) -> Converted:
    documents = PPTXToDocument().run(sources=[ByteStream(data, mime_type=mime)])["documents"]
    if not documents:
        raise InputError("the file is damaged: its slides cannot be read")
    slides = (documents[0].content or "").split("\f")
    return assemble([Block(slide, page=n) for n, slide in enumerate(slides, 1)], mime)


def _docx(data: bytes, mime: str) -> Converted:
    import docx

    document = docx.Document(io.BytesIO(data))
    outline = {style.style_id: _outline_level(style) for style in document.styles}
    return assemble(list(_WordBody(outline).blocks(document.element.body)), mime)


def _outline_level(style: Any) -> int | None:
    found = re.fullmatch(r"(?:heading|title)\s*(\d?)", (style.name or "").lower())
    return None if found is None else max(1, min(6, int(found.group(1) or 1)))


class _WordBody:
    """Walks a Word body in reading order, text boxes, tables and content controls included."""

    def __init__(self, outline: dict[str, int | None]) -> None:
        self._outline = outline
        self._page = 1

    def blocks(self, parent: Any) -> Iterator[Block]:
        """The blocks below an element."""
        for child in parent:
            if child.tag == W + "p":
                yield from self._paragraph(child)
            elif child.tag == W + "tbl":
                yield Block("\n".join(self._rows(child)), page=self._page)
            elif child.tag != FALLBACK:  # the same content once more, for old readers
                yield from self.blocks(child)

    def _paragraph(self, paragraph: Any) -> Iterator[Block]:
        text, boxes, breaks = self._runs(paragraph)
        style = paragraph.find(f"{W}pPr/{W}pStyle")
        level = self._outline.get(style.get(W + "val")) if style is not None else None
        yield Block(text, page=self._page, level=level if text.strip() else None)
        self._page += breaks
        for box in boxes:
            yield from self.blocks(box)

    def _runs(self, paragraph: Any) -> tuple[str, list[Any], int]:
        """Text of a paragraph, the text boxes anchored in it, and the page breaks it holds."""
        parts: list[str] = []
        boxes: list[Any] = []
        breaks = 0
        waiting = list(reversed(paragraph))
        while waiting:
            node = waiting.pop()
            if node.tag == W + "txbxContent":
                boxes.append(node)
            elif node.tag == W + "t":
                parts.append(node.text or "")
            elif node.tag == W + "tab":
                parts.append("\t")
            elif node.tag == W + "lastRenderedPageBreak":
                breaks += 1
            elif node.tag in (W + "br", W + "cr"):
                parts.append("\n")
            elif node.tag not in (FALLBACK, W + "pPr"):
                waiting.extend(reversed(node))
        return "".join(parts), boxes, breaks

    def _rows(self, table: Any) -> Iterator[str]:
        for row in table.iter(W + "tr"):
            cells = [
                " ".join(" ".join(b.text for b in self.blocks(cell)).split())
                for cell in row.iter(W + "tc")
                if next(cell.iterancestors(W + "tr")) is row
            ]
            if next(row.iterancestors(W + "tbl")) is table and any(cells):
                yield " | ".join(cells)


def _xlsx(data: bytes, mime: str) -> Converted:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    blocks: list[Block] = []
    for sheet in book.worksheets:
        blocks.append(Block(sheet.title, level=1))
        rows = (["" if v is None else str(v) for v in row] for row in sheet.values)
        blocks += _table(rows)
    if len(blocks) == len(book.worksheets):
        raise InputError("there is no text in it: every sheet is empty")
    return assemble(blocks, mime)


def _csv(data: bytes, mime: str) -> Converted:
    text, encoding = decode(data)
    csv.field_size_limit(10_000_000)
    try:
        dialect: Any = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        blocks = _table(csv.reader(io.StringIO(text.replace("\x00", "")), dialect))
    except csv.Error as error:
        raise InputError(f"the file is not a readable table: {error}") from error
    return assemble(blocks, mime, encoding)


def _table(rows: Iterator[list[str]]) -> list[Block]:
    """A block a row, each value with its column's name, so that a passage explains itself."""
    filled = (row for row in rows if any(cell.strip() for cell in row))
    header = [" ".join(cell.split()) for cell in next(filled, [])]
    blocks = []
    for row in filled:
        names = header + [""] * (len(row) - len(header))
        named = (
            f"{name}: {value}" if name else value
            for name, value in zip(names, (" ".join(cell.split()) for cell in row), strict=False)
            if value
        )
        blocks.append(Block("; ".join(named)))
    return blocks or [Block("; ".join(filter(None, header)))]


def _html(data: bytes, mime: str) -> Converted:
    text, encoding = decode(data)
    whole = _visible_text(text)
    source = ByteStream(text.encode("utf-8", errors="ignore"), mime_type=mime)
    options = {"output_format": "markdown", "include_tables": True, "include_comments": False}
    documents = HTMLToDocument(extraction_kwargs=options).run(sources=[source])["documents"]
    main = (documents[0].content or "") if documents else ""
    if len(main) < LEAST_MAIN_TEXT * len(whole):
        return assemble([Block(part) for part in whole.split("\n\n")], mime, encoding)
    return assemble(list(_markdown_blocks(main)), mime, encoding)


def _visible_text(markup: str) -> str:
    """The text of a page without scripts, styles and markup; a line for each block element."""
    import lxml.html
    from lxml_html_clean import Cleaner

    try:
        tree = lxml.html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", markup))
    except Exception:
        return ""
    cleaner = Cleaner(style=True, page_structure=False, safe_attrs_only=False)
    body = cleaner.clean_html(tree)
    for element in body.iter("p", "div", "tr", "li", "br", "h1", "h2", "h3", "h4", "table", "pre"):
        element.tail = "\n\n" + (element.tail or "")
    for cell in body.iter("td", "th"):
        cell.tail = " " + (cell.tail or "")
    return re.sub(r"\s*\n\s*\n\s*", "\n\n", str(body.text_content())).strip()


def _markdown(data: bytes, mime: str) -> Converted:
    text, encoding = decode(data)
    return assemble(list(_markdown_blocks(text)), mime, encoding)


_FENCE = re.compile(r"^\s*(```+|~~~+)")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")


def _markdown_blocks(text: str) -> Iterator[Block]:
    """Sections of Markdown: headings apart, code blocks never taken for headings."""
    fence = ""
    lines: list[str] = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)[:3]
        heading = None if fence or mark else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        yield Block("\n".join(lines))
        lines = []
        yield Block(heading.group(2), level=len(heading.group(1)))
    yield Block("\n".join(lines))


def _plain(data: bytes, mime: str) -> Converted:
    text, encoding = decode(data)
    return assemble([Block(text)], mime, encoding)


_READERS: dict[str, Callable[[bytes, str], Converted]] = {
    "application/pdf": _pdf,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": _docx,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": _pptx,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _xlsx,
    "text/html": _html,
    "text/markdown": _markdown,
    "text/plain": _plain,
    "text/csv": _csv,
}
