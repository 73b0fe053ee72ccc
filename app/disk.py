"""Watches free disk space, for readiness, metrics and messages about a full disk."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from pathlib import Path

# Below this the database may be unable to write at any moment.
LEAST_FREE_BYTES = 100_000_000
# How long a report of the database that its disk is full counts. It may be another machine's disk.
REMEMBERED_S = 30

log = logging.getLogger(__name__)


class Disk:
    """
    The state of the disks of one data folder and of its database. Safe to share between threads.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._full_at = -float(REMEMBERED_S)
        self._lock = threading.Lock()

    def note_full(self) -> None:
        """Note that the database or a file could not be written."""
        with self._lock:
            is_new = not self._is_noted
            self._full_at = time.monotonic()
        if is_new:
            log.error("the disk is full: questions are answered, but nothing is saved")

    def note_written(self) -> None:
        """Note that something was written, so there is space again."""
        with self._lock:
            self._full_at = -float(REMEMBERED_S)

    @property
    def free_bytes(self) -> int:
        """Free space on the data folder's disk."""
        return shutil.disk_usage(self._home).free

    @property
    def is_full(self) -> bool:
        """Whether nothing, or hardly anything, can be written."""
        with self._lock:
            noted = self._is_noted
        return noted or self.free_bytes < LEAST_FREE_BYTES

    @property
    def _is_noted(self) -> bool:
        return time.monotonic() - self._full_at < REMEMBERED_S
