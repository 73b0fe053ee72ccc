"""Folders for what a test starts, in memory where there is room."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4_000_000_000
# The variable with the path of the shelf.
SHELF = "ATTUNE_TESTS_SHELF"


def folder(prefix: str = "attune-") -> Path:
    """
    Make a folder with a short path, because the socket of a database lies in it.

    A database is hundreds of files, which a busy disk takes seconds to make and to delete.
    """
    in_memory = (
        MEMORY.is_dir()
        and os.access(MEMORY, os.W_OK)
        and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    )
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if in_memory else None))


def make_shelf() -> Path:
    """Make the folder where all processes of a run keep what takes long to make."""
    made = folder()
    os.environ[SHELF] = str(made)
    return made


def shelf() -> Path:
    """The folder that `make_shelf` made for this run."""
    return Path(os.environ[SHELF])
