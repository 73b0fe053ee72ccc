"""
Files that appear under their names complete, or not at all: a full disk or a power cut in the
middle leaves what was there before.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_staged(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a file; it gets its name once it is on the disk. Keeps mode and owner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            _become(file.fileno(), path)
            os.fsync(file.fileno())
        Path(name).replace(path)
        sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Store UTF-8 text, staged."""
    write_staged(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Store JSON, staged."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1))


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder are on the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems know no such thing
    finally:
        os.close(handle)


def _become(handle: int, path: Path) -> None:
    """Take over mode and owner of the file that is replaced; a new one may be read by others."""
    try:
        before = path.stat()
    except FileNotFoundError:
        os.chmod(handle, 0o644)
        return
    os.chmod(handle, before.st_mode & 0o7777)
    if os.geteuid() == 0:
        os.chown(handle, before.st_uid, before.st_gid)
