"""
The one row that names the serving index, and the transaction that changes it.

Promotion and rollback are the same transaction: a compare-and-set on the epoch. While it runs, no
writer can add to the corpus. It is refused unless the index has exactly one vector for every live
window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from pipelines.errors import BusyError, ConflictError, NotReadyError
from pipelines.store import gaps, graphs, indexes, models, replicas
from pipelines.store.db import PROMOTE_LOCK, Connection
from pipelines.store.ids import IndexId
from pipelines.store.indexes import SearchIndex
from pipelines.store.models import Model
from pipelines.store.rows import class_row

# A writer finishes a document in far less. A promotion that waits longer would block all writers.
LOCK_TIMEOUT = "1s"


class GapError(NotReadyError):
    """The index lacks vectors, windows or its HNSW index. Catch up and try again."""


@dataclass(frozen=True)
class Active:
    """The serving index, the one before it, and the number of switches so far (`epoch`)."""

    index_id: IndexId
    previous_id: IndexId | None
    epoch: int
    changed_at: datetime


@dataclass(frozen=True)
class Switch:
    """
    A change of the serving index, with its reason, its author and the epoch it was decided at.

    `attempt` names it in the audit table. By it the outcome can be read after a lost connection.
    """

    index_id: IndexId
    expected_epoch: int
    who: str
    action: Literal["promote", "rollback"]
    attempt: UUID
    detail: dict[str, Any]


def get(conn: Connection) -> Active | None:
    """The active pointer, or None before the first start has set it."""
    with conn.cursor(row_factory=class_row(Active)) as cursor:
        return cursor.execute(
            "select index_id, previous_id, epoch, changed_at from active"
        ).fetchone()


@dataclass(frozen=True)
class Serving:
    """The version that answers questions: its index, its model and the epoch since it does."""

    index: SearchIndex
    model: Model
    epoch: int


def serving(conn: Connection) -> Serving:
    """
    The version that answers questions.

    :raises NotReadyError: No version serves before the first start has set one.
    """
    pointer = get(conn)
    if pointer is None:
        raise NotReadyError("No version is active yet.")
    index = indexes.get(conn, pointer.index_id)
    model = None if index is None else models.get(conn, index.model_id)
    assert index is not None, "the index that serves cannot be dropped"
    assert model is not None, "a model with an index cannot be deleted"
    return Serving(index, model, pointer.epoch)


def set_first(conn: Connection, index_id: IndexId) -> bool:
    """
    Point at the very first index.

    :returns: Whether this process set the pointer. False if another one was faster.
    """
    return (
        conn.execute(
            "insert into active (index_id, epoch) values (%s, 1) on conflict do nothing",
            (index_id,),
        ).rowcount
        == 1
    )


def promote(
    conn: Connection, switch: Switch, complete: Callable[[Connection], bool] | None = None
) -> Active:
    """
    Make an index the serving one, in one transaction. Writers wait meanwhile, readers do not.

    :param complete: Adds what the index lacks while writers wait, and returns whether it is complete
        then. Without it the index is only checked.
    :returns: The new pointer.
    :raises ConflictError: The epoch has moved, or the index serves already.
    :raises BusyError: Another promotion is running.
    :raises GapError: Vectors are missing or left over, or the HNSW index is missing.
    :raises NotReadyError: The index is not ready, or a live replica has not loaded it.
    :raises LockNotAvailable: A writer kept its lock longer than `LOCK_TIMEOUT`. Try again.
    """
    with conn.transaction():
        conn.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        locked = conn.execute("select pg_try_advisory_xact_lock(%s)", (PROMOTE_LOCK,)).fetchone()
        if locked is None or not locked[0]:
            raise BusyError("Another promotion is under way.")
        before = get(conn)
        if before is None or before.epoch != switch.expected_epoch:
            raise ConflictError("The active version changed meanwhile. Look again.")
        if switch.index_id == before.index_id:
            raise ConflictError("This version serves already.")
        _check(conn, switch, complete)
        return _point_at(conn, switch, before)


def _check(conn: Connection, switch: Switch, complete: Callable[[Connection], bool] | None) -> None:
    """
    Refuse the switch unless the index is complete. It stays complete until the transaction ends.
    """
    conn.execute("select 1 from search_index where id = %s for key share", (switch.index_id,))
    index = indexes.get(conn, switch.index_id)
    if index is None or index.status != "ready":
        raise NotReadyError(f"The version is {index.status if index else 'gone'}, not ready.")
    if switch.action == "promote":
        late = replicas.unprepared(conn, index.id)
        if late:
            names = ", ".join(f"{r.id} ({r.fault or 'loading'})" for r in late)
            raise NotReadyError(f"Not every replica has loaded the version: {names}.")
    # Waits for the writers that are at work. Later ones wait for this transaction, readers do not.
    conn.execute("lock table text_window in share mode")
    if graphs.lacks_graph(conn, index.vectors_id):
        raise GapError("The HNSW index of the version is missing or not valid.")
    if complete is None:
        whole = not gaps.exists(conn, index.vectors_id, index.rule_id)
    else:  # it checks while it adds: a second check would double the time that writers wait
        whole = complete(conn)
    if not whole:
        raise GapError("The version lacks vectors of some windows.")


def _point_at(conn: Connection, switch: Switch, before: Active) -> Active:
    with conn.cursor(row_factory=class_row(Active)) as cursor:
        after = cursor.execute(
            "update active set index_id = %s, previous_id = %s, epoch = epoch + 1,"
            " changed_at = now() returning index_id, previous_id, epoch, changed_at",
            (switch.index_id, before.index_id),
        ).fetchone()
    assert after is not None
    conn.execute(
        "update search_index set served_until = now() where id = %s", (before.previous_id,)
    )
    conn.execute(
        "update search_index set wanted = false, shadow_share = 0 where id = %s",
        (switch.index_id,),
    )
    detail = switch.detail | {
        "attempt": str(switch.attempt),
        "index": switch.index_id,
        "before": before.index_id,
        "epoch": after.epoch,
    }
    add_audit(conn, switch.who, switch.action, detail)
    indexes.notify(conn)
    return after


def outcome(conn: Connection, attempt: UUID) -> int | None:
    """
    The epoch that an attempt set, or None if it changed nothing.

    Waits for running promotions, because the attempt in question may still be committing. So None is
    final.
    """
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", (PROMOTE_LOCK,))
        return _epoch_set_by(conn, attempt)


def _epoch_set_by(conn: Connection, attempt: UUID) -> int | None:
    row = conn.execute(
        "select (detail ->> 'epoch')::bigint from audit where detail ->> 'attempt' = %s",
        (str(attempt),),
    ).fetchone()
    return None if row is None else int(row[0])


@dataclass(frozen=True)
class Audit:
    """One entry of the audit table: who did what, and when."""

    id: int
    at: datetime
    who: str
    action: str
    detail: dict[str, Any]


def add_audit(conn: Connection, who: str, action: str, detail: dict[str, Any]) -> None:
    """Write an audit entry in the caller's transaction."""
    conn.execute(
        "insert into audit (who, action, detail) values (%s, %s, %s)", (who, action, Jsonb(detail))
    )


def switches(conn: Connection, *, limit: int = 50) -> list[Audit]:
    """The audit entries of promotions and rollbacks, newest first."""
    with conn.cursor(row_factory=class_row(Audit)) as cursor:
        return cursor.execute(
            "select * from audit where action in ('promote', 'rollback') order by id desc limit %s",
            (limit,),
        ).fetchall()


def audits(conn: Connection, *, limit: int = 50) -> list[Audit]:
    """All audit entries, newest first."""
    with conn.cursor(row_factory=class_row(Audit)) as cursor:
        return cursor.execute("select * from audit order by id desc limit %s", (limit,)).fetchall()
