"""ZIP and TAR: each readable file in them is a section under its name."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from pipelines.errors import InputError
from pipelines.indexing.converted import Converted
from pipelines.indexing.readers.members import Member, Members, bundle

# What systems leave in archives and nobody wrote.
_LEFT_BEHIND = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git", "node_modules")
# Entries that are looked at in an archive, whatever they are.
MOST_ENTRIES = 100_000
_ENCRYPTED = 0x1


def read_zip(data: bytes, mime: str, members: Members) -> Converted:
    """
    The files in a ZIP archive.

    :raises InputError: It is damaged, or holds nothing that can be read.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise InputError("the file is damaged: it is not a complete ZIP archive") from None
    with archive:
        return bundle(None, members.read(_zipped(archive)), members, mime)


def _zipped(archive: zipfile.ZipFile) -> Iterator[Member]:
    for entry in archive.infolist()[:MOST_ENTRIES]:
        if not entry.is_dir() and not _is_left_behind(entry.filename):
            yield Member(entry.filename, partial(_unzipped, archive, entry))


def _unzipped(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most_bytes: int) -> bytes:
    if entry.flag_bits & _ENCRYPTED:
        raise InputError("it needs a password")
    with archive.open(entry) as file:
        return file.read(most_bytes)


def read_tar(data: bytes, mime: str, members: Members) -> Converted:
    """
    The files in a TAR archive, also a compressed one. Links in it are not followed.

    :raises InputError: It is damaged, or holds nothing that can be read.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            return bundle(None, members.read(_tarred(archive)), members, mime)
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise InputError(
            f"the file is damaged: it is not a complete TAR archive ({error})"
        ) from error


def _tarred(archive: tarfile.TarFile) -> Iterator[Member]:
    for number, entry in enumerate(archive):
        if number >= MOST_ENTRIES:
            return
        if entry.isfile() and not _is_left_behind(entry.name):
            yield Member(entry.name, partial(_untarred, archive, entry))


def _untarred(archive: tarfile.TarFile, entry: tarfile.TarInfo, most_bytes: int) -> bytes:
    file = archive.extractfile(entry)
    return file.read(most_bytes) if file is not None else b""


def _is_left_behind(name: str) -> bool:
    return any(part in _LEFT_BEHIND for part in PurePosixPath(name).parts)
