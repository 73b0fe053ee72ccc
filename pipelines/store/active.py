"""The one row that names the serving index, and its epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from pipelines.store.db import Connection
from pipelines.store.ids import IndexId


@dataclass(frozen=True)
class Active:
    """Which index serves, which served before, and how often that has changed."""

    index_id: IndexId
    previous_id: IndexId | None
    epoch: int
    changed_at: datetime


def get(conn: Connection) -> Active | None:
    """The active pointer; None before the first start has set it."""
    with conn.cursor(row_factory=class_row(Active)) as cursor:
        return cursor.execute(
            "select index_id, previous_id, epoch, changed_at from active"
        ).fetchone()


def set_first(conn: Connection, index_id: IndexId) -> bool:
    """Point at the very first index; False when another process was faster."""
    return (
        conn.execute(
            "insert into active (index_id, epoch) values (%s, 1) on conflict do nothing",
            (index_id,),
        ).rowcount
        == 1
    )
