"""
Bytes to text, by file type. It runs in the converter's child process.

Haystack's converters read where they keep what citations need. The other readers work closer to the
file, because the converters drop text boxes, content controls, tables on slides, header rows or
headings.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

from pipelines.errors import InputError
from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.readers import (
    archives,
    calendar,
    epub,
    legacy,
    mail,
    notebook,
    pictures,
    plain,
    rtf,
    source,
    subtitles,
)
from pipelines.indexing.readers.data import json_files, xml_files
from pipelines.indexing.readers.kinds import OFFICE, OPEN
from pipelines.indexing.readers.members import Members
from pipelines.indexing.readers.ocr.engine import Allowance
from pipelines.indexing.readers.office import slides, word, workbook
from pipelines.indexing.readers.office.packages import transitional
from pipelines.indexing.readers.opendocument import document as opendocument
from pipelines.indexing.readers.pdf import document as pdf
from pipelines.indexing.readers.tables import delimited
from pipelines.indexing.readers.web import markdown, markup
from pipelines.text.encodings.decode import binary_kind

# How files begin that were encrypted by Office, or written by it before 2007.
OLE_MAGIC = b"\xd0\xcf\x11\xe0"
EPUB = "application/epub+zip"


def warm() -> None:
    """Import now what reading needs, before the memory limit is taken from what is in use."""
    import docx
    import lxml.html
    import markdown_it
    import mdit_py_plugins.dollarmath
    import openpyxl
    import pptx
    import pypdfium2

    _ = docx, lxml.html, markdown_it, mdit_py_plugins, openpyxl, pptx, pypdfium2


def read(data: bytes, mime: str, limits: ReadLimits, ocr: Allowance | None = None) -> Converted:
    """
    The text of a file, and of the files in it.

    :param ocr: What text recognition may take, and what it knows from an attempt before.
    :raises InputError: Why it cannot be read.
    """
    ocr = ocr or Allowance(limits.ocr_s)
    found = _read(data, mime, Members(limits, _read, allowance=ocr))
    return replace(found, pages_left=ocr.pages_left)


def _read(data: bytes, mime: str, members: Members) -> Converted:
    if mime.startswith((OFFICE, OPEN, EPUB)):
        _check_package(data, members.limits)
    if mime.startswith(OFFICE):
        data = transitional(data)
    elif mime.startswith("text/") and (kind := binary_kind(data)) is not None:
        raise InputError(f"it is {kind} under the name of a text; give it its own ending")
    if mime in _HOLDERS:
        return _HOLDERS[mime](data, mime, members)
    return _READERS[mime](data, mime)


def _check_package(data: bytes, limits: ReadLimits) -> None:
    """Refuse what is no zip, is encrypted, or would expand beyond the limit."""
    if data.startswith(OLE_MAGIC):
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


_READERS: dict[str, Callable[[bytes, str], Converted]] = {
    OPEN + "text": opendocument.read_text,
    OPEN + "spreadsheet": opendocument.read_sheets,
    OPEN + "presentation": opendocument.read_slides,
    "application/rtf": rtf.read,
    EPUB: epub.read,
    "text/html": markup.read_html,
    "text/markdown": markdown.read_markdown,
    "text/plain": plain.read,
    "text/calendar": calendar.read,
    "text/csv": delimited.read,
    "application/json": json_files.read_json,
    "application/jsonl": json_files.read_json_lines,
    "application/xml": xml_files.read_xml,
    "application/x-ipynb+json": notebook.read,
    "application/x-subrip": subtitles.read,
    "text/vtt": subtitles.read,
    "text/x-source": source.read,
}
# What holds other files, or pictures of text.
_HOLDERS: dict[str, Callable[[bytes, str, Members], Converted]] = {
    "application/pdf": pdf.read,
    OFFICE + "wordprocessingml.document": word.read,
    OFFICE + "presentationml.presentation": slides.read,
    OFFICE + "spreadsheetml.sheet": workbook.read,
    "image/*": pictures.read,
    "application/msword": legacy.read,
    "application/vnd.ms-excel": legacy.read,
    "application/vnd.ms-powerpoint": legacy.read,
    "message/rfc822": mail.read_eml,
    "application/vnd.ms-outlook": mail.read_msg,
    "application/zip": archives.read_zip,
    "application/x-tar": archives.read_tar,
}
