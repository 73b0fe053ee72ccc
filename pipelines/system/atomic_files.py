"""
Files that appear complete under their names or not at all.

A full disk or a power cut while writing leaves the earlier content.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_staged(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """
    Let `write` fill a temporary file, and rename it once it is on the disk.

    Keeps the mode and owner of the file that it replaces.
    """
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
    """Write UTF-8 text atomically."""
    write_staged(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1))


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk where the system supports it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems do not support it
    finally:
        os.close(handle)


def _become(handle: int, path: Path) -> None:
    """Copy mode and owner of the file to be replaced. A new file is readable by others."""
    try:
        before = path.stat()
    except FileNotFoundError:
        os.chmod(handle, 0o644)
        return
    os.chmod(handle, before.st_mode & 0o7777)
    if os.geteuid() == 0:
        os.chown(handle, before.st_uid, before.st_gid)
