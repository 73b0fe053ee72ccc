"""EPUB: the chapters of a book in their reading order."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.office.packages import Package
from pipelines.indexing.readers.web import markup

_CONTAINER = "META-INF/container.xml"
_PROTECTED = "META-INF/encryption.xml"
_CHAPTERS = ("application/xhtml+xml", "text/html", "image/svg+xml")
# These algorithms only hide fonts.
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read(data: bytes, mime: str) -> Converted:
    """
    The text of a book.

    :raises InputError: It is damaged, or protected against reading.
    """
    package = Package(data)
    files = zipfile.ZipFile(io.BytesIO(data))
    container = package.xml(_CONTAINER)
    root = next(container.iter("{*}rootfile"), None) if container is not None else None
    book = package.xml(root.get("full-path") or "") if root is not None else None
    if root is None or book is None:
        raise InputError("the file is damaged: it has no list of its chapters")
    if _is_protected(package):
        raise InputError("the book is protected against copying (DRM)")
    blocks = [Block(text, level=1) for text in _metadata(book, "title")][:1]
    blocks += [Block(f"By {', '.join(by)}")] if (by := list(_metadata(book, "creator"))) else []
    missing = 0
    for name in _chapters(book, posixpath.dirname(root.get("full-path") or "")):
        try:
            text = files.read(name)
        except (KeyError, zipfile.BadZipFile):
            missing += 1
            continue
        blocks += markup.html_blocks(markup.decoded(text))
    notes = [f"{counted(missing, 'chapter')} missing in the file"] if missing else []
    return assemble(blocks, mime, notes=notes)


def _is_protected(package: Package) -> bool:
    root = package.xml(_PROTECTED)
    methods = [] if root is None else list(root.iter("{*}EncryptionMethod"))
    return any(method.get("Algorithm") not in _FONTS for method in methods)


def _metadata(book: Any, name: str) -> Iterator[str]:
    for element in book.iter("{http://purl.org/dc/elements/1.1/}" + name):
        if text := " ".join("".join(element.itertext()).split()):
            yield text


def _chapters(book: Any, folder: str) -> Iterator[str]:
    """The names of the chapters in reading order, without what only lists them."""
    items = {item.get("id"): item for item in book.iter("{*}item")}
    for reference in book.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in _CHAPTERS:
            continue
        if "nav" not in (item.get("properties") or "").split():
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))
