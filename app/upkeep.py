"""
What a server does beside answering: keeps the previous version complete, so that a rollback is as
fast as a promotion, and drops vectors that nothing has used for long.

Every server does so; the work is found by comparing contents, and two that find the same do no harm.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable

from app.replica import Replica
from pipelines import build
from pipelines.build import Stopped
from pipelines.store import gaps, indexes
from pipelines.store.db import Pool

EVERY_S = 5.0

log = logging.getLogger(__name__)


class Upkeep:
    """A thread that looks after the indexes. `stop` ends it within a batch."""

    def __init__(self, pool: Pool, replica: Replica, retention: timedelta) -> None:
        self._pool, self._replica, self._retention = pool, replica, retention
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was begun is found again by the next one."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def once(self) -> int:
        """Look after all indexes now; how many vectors were added."""
        with self._pool.connection() as conn:
            _, *others = indexes.maintained(conn)
            lacking = [i for i in others if gaps.exists(conn, i.vectors_id, i.rule_id)]
            expired = indexes.expired(conn, self._retention)
        added = 0
        for index in lacking:
            # A replica holds it loaded; where it does not yet, the next round finds it.
            handle = self._replica.held(index.id)
            if handle is not None:
                added += build.fill(self._pool, handle, stop=self._stopping.is_set)
        for index_id in expired:
            with self._pool.connection() as conn:
                if indexes.drop(conn, index_id, self._retention):
                    log.info("the vectors of index %s were dropped: unused for long", index_id)
        return added

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            try:
                self.once()
            except Stopped:
                return
            except (psycopg.OperationalError, LockNotAvailable, DeadlockDetected) as error:
                log.debug("upkeep: %s", error)
            except Exception:
                log.exception("upkeep: an unexpected fault; trying again")
