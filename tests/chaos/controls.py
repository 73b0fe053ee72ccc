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
from pipelines.store.active import Active, GapError, Switch
from pipelines.store.db import Connection

SILENT, TWO_COMMITS, NO_LOCK = "silent", "two commits", "no lock"
# Between the steps of a promotion without a guard: a busy machine takes as long, and the real
# promotion stands it.
BETWEEN_S = 0.15


@contextmanager
def altered(how: str, tell: Callable[[str], None], note: Callable[..., None]) -> Iterator[None]:
    """Meanwhile `active.promote` is the one asked for, and says when it begins and has committed."""
    real = active.promote
    chosen: Callable[..., Active] = {
        TWO_COMMITS: _in_two_commits,
        NO_LOCK: _without_lock,
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


def _without_lock(conn: Connection, switch: Switch, complete: Any) -> Active:
    """All that the real one does, except that writers need not wait."""
    with conn.transaction():
        before = _expected(conn, switch)
        index: Any = indexes.get(conn, switch.index_id)
        if gaps.exists(conn, index.vectors_id, index.rule_id):
            raise GapError("The version lacks vectors of some windows.")
        time.sleep(BETWEEN_S)
        after = active._point_at(conn, switch, before)
    conn.commit()
    return after


def _expected(conn: Connection, switch: Switch) -> Active:
    before = active.get(conn)
    if before is None or before.epoch != switch.expected_epoch:
        raise ConflictError("The active version changed meanwhile; look again.")
    return before
