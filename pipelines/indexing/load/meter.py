"""
How far a load of files is: by the text in them, for a book takes longer than a note. What a file
holds is guessed from its size and type until it has been read.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from pipelines.errors import InputError
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.readers.kinds import kind_of
from pipelines.progress import OnProgress, Progress

# What every file costs on top of its text, in characters that are embedded meanwhile.
_EACH = 500.0
# The time left is told by the speed of the last while, and not before it is known.
_SPEED_S = 30.0
_KNOWN_S = 3.0


class Meter:
    """Adds up what is done of a load, and tells it. Safe to call from several threads."""

    def __init__(self, files: Sequence[Incoming], tell: OnProgress) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._parts = {id(file): _guess(file) for file in files}
        self._total = sum(self._parts.values())
        self._ended = 0.0
        self._shown = 0.0
        self._past: deque[tuple[float, float]] = deque()

    def stage(self, stage: str) -> None:
        """Tell of a step between files, whose end nobody knows."""
        self._tell(Progress(stage))

    def last(self, stage: str) -> None:
        """Tell of the step after the last file."""
        with self._lock:
            total = round(self._total)
        self._tell(Progress(stage, total, total))

    def reading(self, file: Incoming) -> None:
        """Note that a file is being read. It is told only while nothing is embedded."""
        self._reading(file.title)

    def recognising(self, file: Incoming, done: int, total: int) -> None:
        """Note that OCR begins a page of a scan, of so many."""
        self._reading(f"scanned page {done + 1:,} of {total:,} of {file.title}")

    def _reading(self, item: str) -> None:
        with self._lock:
            if self._past:
                return
            total = round(self._total)
        self._tell(Progress("reading", 0, total, item=item))

    def read(self, file: Incoming, chars: int) -> None:
        """The text of a file is known."""
        with self._lock:
            known = chars + _EACH
            self._total += known - self._parts[id(file)]
            self._parts[id(file)] = known

    def embedding(self, files: Sequence[Incoming], done: int, total: int) -> None:
        """So many windows of files that are embedded together are done."""
        with self._lock:
            part = sum(self._parts[id(file)] for file in files) * done / max(1, total)
        largest = max(files, key=lambda file: file.size_bytes or 0)
        self._tell(self._at("embedding", largest.title, part))

    def ended(self, file: Incoming) -> None:
        """A file is in, or never will be."""
        with self._lock:
            self._ended += self._parts[id(file)]
        self._tell(self._at("embedding", file.title, 0.0))

    def _at(self, stage: str, item: str, part: float) -> Progress:
        now = time.monotonic()
        with self._lock:
            total = max(1.0, self._total)
            # What was shown is never taken back when a file turns out longer than it was guessed.
            done = max(self._shown, min(1.0, (self._ended + part) / total))
            self._shown = done
            self._past.append((now, done))
            while now - self._past[0][0] > _SPEED_S:
                self._past.popleft()
            since, before = self._past[0]
            speed = (done - before) / (now - since) if now - since >= _KNOWN_S else 0.0
            left = None if speed <= 0 else (1 - done) / speed
            return Progress(stage, round(done * total), round(total), eta_s=left, item=item)


def _guess(file: Incoming) -> float:
    try:
        share = kind_of(file.source).text_share
    except InputError:  # it will be refused
        share = 0.0
    return (file.size_bytes or 0) * share + _EACH
