"""Locks between processes of one machine, by a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.errors import BusyError


@contextmanager
def exclusive(path: Path, busy: str) -> Iterator[None]:
    """
    Hold a lock file, without waiting for it. It is let go when the process ends, however it ends.

    :param busy: The message if another process holds it.
    :raises BusyError: Another process holds it.
    """
    try:
        lock = FileLock(path, blocking=False, preserve_lock_file=True).acquire()
    except Timeout:
        raise BusyError(busy) from None
    with lock:
        yield
