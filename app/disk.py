"""Whether there is room to write: what readiness, metrics and messages say of a full disk."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from pathlib import Path

# Below this the database may be unable to write at any moment.
LEAST_FREE_BYTES = 100_000_000
# So long after the database last said that its own disk is full, which may be another machine's.
REMEMBERED_S = 30

log = logging.getLogger(__name__)


class Disk:
    """What is known of the disk of one data folder and of its database. Safe between threads."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._full_at = -float(REMEMBERED_S)
        self._lock = threading.Lock()

    def note_full(self) -> None:
        """The database, or a file, could not be written."""
        with self._lock:
            is_new = not self._is_noted
            self._full_at = time.monotonic()
        if is_new:
            log.error("the disk is full: questions are answered, but nothing is saved")

    def note_written(self) -> None:
        """Something was written: there is space again."""
        with self._lock:
            self._full_at = -float(REMEMBERED_S)

    @property
    def free_bytes(self) -> int:
        """Free space where the data folder lies."""
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
