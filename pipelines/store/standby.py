"""
A standby of the database that searches may read, as long as it shows what they need.

A search on it is one snapshot: whether the standby has replayed the switch to the version that the
question keeps, how far it is behind, and the passages. Whatever stands against it, the primary
answers.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

import psycopg
from prometheus_client import Counter

from pipelines.store import db
from pipelines.store.db import Connection, Pool

Reason = Literal["", "epoch", "lag", "down", "slow", "conflict", "fault"]
T = TypeVar("T")

# Nobody waits longer for the standby. The primary then answers, and the standby is left alone for
# a moment, unless only this search met a conflict.
CONNECT_S, SEARCH_S, REST_S = 0.5, 2.0, 5.0
# Reports of this process that are remembered, one every few seconds.
REPORTS = 256

# The metrics of the process report it.
searches = Counter(
    "attune_searches",
    "Searches where a standby is set, by the database that answered, and why not the standby.",
    ["database", "reason"],
)

log = logging.getLogger(__name__)


class Reports:
    """
    When this process reported to the primary, by its own clock.

    A standby that shows a report shows everything that was committed before it. So its age bounds
    how far the standby is behind, whatever the clocks of the databases say.
    """

    def __init__(self) -> None:
        self._began: dict[datetime, float] = {}

    def note(self, seen_at: datetime, began: float) -> None:
        """
        Remember a report.

        :param seen_at: Its time in the primary, which names it.
        :param began: The moment before it was sent (monotonic, in seconds).
        """
        kept = list(self._began.items())[1 - REPORTS :]
        self._began = dict([*kept, (seen_at, began)])

    def age_s(self, seen_at: datetime | None) -> float:
        """Seconds since a report, or infinity if it is not remembered."""
        began = None if seen_at is None else self._began.get(seen_at)
        return math.inf if began is None else time.monotonic() - began

    @property
    def newest(self) -> datetime | None:
        """The last report, if there was one."""
        return max(self._began, default=None)


class _UnfitError(Exception):
    """The standby does not show what the search needs."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Standby:
    """Connections to a standby. Safe to share between threads."""

    def __init__(
        self, dsn: str, replica_id: str, reports: Reports, *, most_lag_s: float, size: int
    ) -> None:
        """
        Cheap: it connects with the first search.

        :param replica_id: The row of `replica` with this process's reports.
        :param most_lag_s: A standby that is further behind is not read.
        :param size: Searches at the same time.
        """
        self._replica_id, self._reports, self._most_lag_s = replica_id, reports, most_lag_s
        # Nothing is prepared, so it may go through a pooler.
        self._pool = db.make_pool(dsn, min_size=0, max_size=size, timeout_s=CONNECT_S, direct=dsn)
        self._pool.open(wait=False)
        self._rests_until = 0.0
        self._state = threading.Lock()

    def close(self) -> None:
        """Close the connections. Nobody waits for a standby that hangs."""
        self._pool.close(timeout=CONNECT_S)

    def read(self, epoch: int, read: Callable[[Connection], T]) -> tuple[T] | Reason:
        """
        Read in one snapshot of the standby.

        :param epoch: The switch that it must have replayed. 0 names none, so it is not read.
        :returns: What was read, in a tuple, or why the standby cannot serve.
        """
        if not epoch:
            return "epoch"
        if self._reports.age_s(self._reports.newest) > self._most_lag_s:
            return "lag"
        if time.monotonic() < self._rests_until:
            return "down"
        try:
            return (_in_time(lambda: self._in_snapshot(epoch, read), SEARCH_S),)
        except _UnfitError as unfit:
            return unfit.reason
        except TimeoutError:
            return self._rest("slow", f"it took more than {SEARCH_S:g} s")
        except (psycopg.errors.SerializationFailure, psycopg.errors.QueryCanceled):
            return "conflict"  # replay needed what the search was reading
        except psycopg.OperationalError as error:
            return self._rest("down", error)
        except psycopg.Error as error:
            return self._rest("fault", error)

    def _in_snapshot(self, epoch: int, read: Callable[[Connection], T]) -> T:
        with self._pool.connection() as conn, conn.transaction():
            conn.execute("set transaction isolation level repeatable read, read only")
            # The switch that is replayed, and this process's newest report that is.
            row = conn.execute(
                "select (select epoch from active), (select seen_at from replica where id = %s)",
                (self._replica_id,),
            ).fetchone()
            assert row is not None
            if (row[0] or 0) < epoch:
                raise _UnfitError("epoch")
            if self._reports.age_s(row[1]) > self._most_lag_s:
                raise _UnfitError("lag")
            return read(conn)

    def _rest(self, reason: Reason, why: object) -> Reason:
        with self._state:
            self._rests_until = time.monotonic() + REST_S
        log.debug("the standby is not read: %s", why)
        return reason


def _in_time(call: Callable[[], T], within_s: float) -> T:
    """
    What a call returns. One that takes longer is left in its thread, which holds up no exit.

    :raises TimeoutError: It takes longer.
    """
    outcome: Future[T] = Future()
    context = copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(call))
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="standby").start()
    return outcome.result(within_s)


@dataclass(frozen=True)
class StandbyState:
    """What a standby shows: whether it is one, the switch it has replayed, and what it lacks."""

    in_recovery: bool
    epoch: int
    behind_bytes: int


def look(dsn: str, primary: Pool) -> StandbyState:
    """
    Look at a standby.

    :raises psycopg.Error: It cannot be reached, or is no copy of the database.
    """
    with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as conn:
        row = conn.execute(
            "select pg_is_in_recovery(), (select epoch from active), pg_last_wal_replay_lsn()"
        ).fetchone()
        assert row is not None
    with primary.connection() as conn:
        behind = conn.execute(
            "select pg_wal_lsn_diff(pg_current_wal_lsn(), %s::pg_lsn)", (row[2],)
        ).fetchone()
        assert behind is not None
    return StandbyState(row[0], row[1] or 0, max(0, int(behind[0] or 0)))


def read_either(
    primary: Pool, standby: Standby | None, epoch: int, search: Callable[[Connection], T]
) -> T:
    """
    Search the standby if it is set and fit, or the primary.

    :param epoch: The switch to the version that is searched.
    :raises psycopg.OperationalError: The connection to the primary was lost.
    """
    if standby is not None:
        found = standby.read(epoch, search)
        if isinstance(found, tuple):
            searches.labels("standby", "").inc()
            return found[0]
        searches.labels("primary", found).inc()
    with primary.connection() as conn:
        return search(conn)
