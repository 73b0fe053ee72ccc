"""
Promotions that differ from the app's: without the NOTIFY, to measure polling, and with one guard
removed, as faults that a run must detect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

from pipelines.errors import ConflictError
from pipelines.store import active, gaps, indexes
from pipelines.store.active import Active, Switch
from pipelines.store.db import Connection

SILENT, TWO_COMMITS, LOCK_LET_GO = "silent", "two commits", "lock let go"
# Between the two commits of a promotion that should have one: a busy machine takes as long.
BETWEEN_S = 0.15
WRITER_S = 5.0


@contextmanager
def altered(how: str, tell: Callable[[str], None], note: Callable[..., None]) -> Iterator[None]:
    """
    Replace `active.promote` meanwhile by a given one that reports its beginning and its commit.
    """
    real = active.promote
    chosen: Callable[..., Active] = {
        TWO_COMMITS: _in_two_commits,
        LOCK_LET_GO: _lock_let_go,
    }.get(how, real)

    def promote(conn: Connection, switch: Switch, complete: Any = None) -> Active:
        tell("switching")
        silence = mock.patch.object(indexes, "notify") if how == SILENT else nullcontext()
        with silence:
            after = chosen(conn, switch, complete)
        # The connection commits with the transaction block: nothing is open before it here.
        note("committed", epoch=after.epoch, index=after.index_id, how=how)
        return after

    with mock.patch.object(active, "promote", promote):
        yield


def _in_two_commits(conn: Connection, switch: Switch, complete: Any) -> Active:
    """Commit the pointer first and its epoch later."""
    before = _expected(conn, switch)
    with conn.transaction():
        conn.execute("update active set index_id = %s", (switch.index_id,))
    conn.commit()
    time.sleep(BETWEEN_S)
    with conn.transaction():
        after = active._point_at(conn, switch, before)
    conn.commit()
    return after


def _lock_let_go(conn: Connection, switch: Switch, complete: Any) -> Active:
    """
    Check while writers wait, as the real promotion does, but switch after the lock is released.
    """
    with conn.transaction():
        before = _expected(conn, switch)
        active._check(conn, switch, complete)
    conn.commit()
    _wait_for_writer(conn)
    with conn.transaction():
        after = active._point_at(conn, switch, before)
    conn.commit()
    return after


def _wait_for_writer(conn: Connection) -> None:
    """Wait until a document was added, so that the fault shows on machines of any speed."""
    last, deadline = gaps.last_window(conn), time.monotonic() + WRITER_S
    while gaps.last_window(conn) == last and time.monotonic() < deadline:
        conn.commit()
        time.sleep(0.01)
    conn.commit()


def _expected(conn: Connection, switch: Switch) -> Active:
    before = active.get(conn)
    if before is None or before.epoch != switch.expected_epoch:
        raise ConflictError("The active version changed meanwhile. Look again.")
    return before
