"""
Promotions that are not the app's: without the NOTIFY, to measure the poll; and, as faults that a
run must catch, with one guard removed.
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
    """Meanwhile `active.promote` is the one asked for, and says when it begins and has committed."""
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
    """The pointer first, its epoch after it."""
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
    """Checked while writers wait, as the real one does; pointed at it when they no longer do."""
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
    """Until a document has come in, so that the fault shows however slow the machine is."""
    last, deadline = gaps.last_window(conn), time.monotonic() + WRITER_S
    while gaps.last_window(conn) == last and time.monotonic() < deadline:
        conn.commit()
        time.sleep(0.01)
    conn.commit()


def _expected(conn: Connection, switch: Switch) -> Active:
    before = active.get(conn)
    if before is None or before.epoch != switch.expected_epoch:
        raise ConflictError("The active version changed meanwhile; look again.")
    return before
