"""Totals of the versions' vectors, counted once in a while, for pages that look every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.store import gaps
from pipelines.store.db import Connection
from pipelines.store.gaps import Totals
from pipelines.store.ids import IndexId
from pipelines.store.indexes import SearchIndex

# How an index is counted: by the tables, or from what was counted a while ago.
Count = Callable[[Connection, SearchIndex], Totals]
# Counting reads the keys of all windows and vectors: 0.3 s for 100,000 of them.
LASTING_S = 30.0
# While a job writes, its own bar shows how far it is.
LASTING_WHILE_BUSY_S = 300.0


@dataclass(frozen=True)
class _Known:
    totals: Totals
    stamp: tuple[object, ...]
    at_s: float
    while_busy: bool


class Counts:
    """Counted totals by index. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: dict[IndexId, _Known] = {}

    def reader(self, *, busy: bool) -> Count:
        """
        A `Count` that reads the tables only where what is known is too old.

        :param busy: A job is writing. What was counted before it began is shown until it ends.
        """
        return lambda conn, index: self._of(conn, index, busy)

    def _of(self, conn: Connection, index: SearchIndex, busy: bool) -> Totals:
        stamp = (index.vectors_id, index.rule_id, index.status, index.ready_at)
        with self._lock:
            known = self._counted.get(index.id)
            if known is not None and self._lasts(known, stamp, busy):
                if busy and not known.while_busy:
                    self._counted[index.id] = _Known(known.totals, stamp, known.at_s, True)
                return known.totals
        totals = gaps.totals(conn, index)
        with self._lock:
            self._counted[index.id] = _Known(totals, stamp, self._clock(), busy)
        return totals

    def _lasts(self, known: _Known, stamp: tuple[object, ...], busy: bool) -> bool:
        age_s = self._clock() - known.at_s
        if busy:  # a build changes the status at its start and at its end
            return age_s < LASTING_WHILE_BUSY_S
        return not known.while_busy and known.stamp == stamp and age_s < LASTING_S
