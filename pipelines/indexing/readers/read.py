"""
Bytes to text, by file type. It runs in the converter's child process.

Haystack's converters read where they keep what citations need; Word, PowerPoint, Excel, CSV and
Markdown are read closer to the file, because the converters drop text boxes, content controls,
tables on slides, header rows or headings.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, ReadLimits, assemble
from pipelines.indexing.readers.office import slides, word, workbook
from pipelines.indexing.readers.office.packages import transitional
from pipelines.indexing.readers.pdf import document as pdf
from pipelines.indexing.readers.tables import delimited
from pipelines.indexing.readers.web import markup
from pipelines.text.clean import binary_kind, decode

OFFICE = "application/vnd.openxmlformats-officedocument."
# How files begin that were encrypted by Office, or written by it before 2007.
OLE_MAGIC = b"\xd0\xcf\x11\xe0"


def warm() -> None:
    """Import now what reading needs, before the memory limit is taken from what is in use."""
    import docx
    import lxml.html
    import markdown_it
    import openpyxl
    import pptx
    import pypdfium2

    _ = docx, lxml.html, markdown_it, openpyxl, pptx, pypdfium2


def read(data: bytes, mime: str, limits: ReadLimits) -> Converted:
    """
    The text of a file.

    :raises InputError: Why it cannot be read.
    """
    if mime.startswith(OFFICE):
        _check_package(data, limits)
        data = transitional(data)
    elif mime.startswith("text/") and (kind := binary_kind(data)) is not None:
        raise InputError(f"it is {kind} under the name of a text; give it its own ending")
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


def _plain(data: bytes, mime: str) -> Converted:
    text, encoding = decode(data)
    return assemble([Block(text, verbatim=True)], mime, encoding)


_READERS: dict[str, Callable[[bytes, str], Converted]] = {
    "application/pdf": pdf.read,
    OFFICE + "wordprocessingml.document": word.read,
    OFFICE + "presentationml.presentation": slides.read,
    OFFICE + "spreadsheetml.sheet": workbook.read,
    "text/html": markup.read_html,
    "text/markdown": markup.read_markdown,
    "text/plain": _plain,
    "text/csv": delimited.read,
}
