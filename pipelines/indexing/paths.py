"""Files on disk that are to be added: what may be opened, and names that can be stored and shown."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from pipelines.errors import InputError

# What a terminal would act on, and what a database cannot store.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f]")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def readable(path: Path | str) -> str:
    """
    A name that can be stored and shown: bytes that are no UTF-8, and control characters, are
    written as ``\\xe9``. Any other name stays as it is.
    """
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    return _UNFIT.sub(lambda found: f"\\x{ord(found.group()):02x}", name)


def why_not_read(mode: int) -> str | None:
    """
    Say why a file of this mode is never opened.

    :returns: None for a regular file.
    """
    if stat.S_ISREG(mode):
        return None
    kind = next((words for of_kind, words in _KINDS if of_kind(mode)), "no regular file")
    return f"it is {kind}, not a file"


def read(path: Path) -> bytes:
    """
    The content of a regular file. Never waits for anybody to write, and never reads a device.

    :raises InputError: It is none, whatever it was a moment ago.
    """
    found = path.stat()
    if (reason := why_not_read(found.st_mode)) is not None:
        raise InputError(reason)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as opened:
        if (reason := why_not_read(os.fstat(handle).st_mode)) is not None:
            raise InputError(reason)
        return opened.read()
