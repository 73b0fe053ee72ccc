"""Rows of `audit`, read one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.store.db import Connection
from pipelines.store.rows import class_row

ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, and when."""

    id: int
    at: datetime
    who: str
    action: str
    detail: dict[str, Any]


def read(conn: Connection, *, since: datetime | None = None) -> Iterator[AuditEntry]:
    """The entries from a time on, oldest first. All are never in memory at once."""
    last = 0
    while True:
        with conn.cursor(row_factory=class_row(AuditEntry)) as cursor:
            rows = cursor.execute(
                "select id, at, who, action, detail from audit"
                " where id > %s and (%s::timestamptz is null or at >= %s) order by id limit %s",
                (last, since, since, ROWS_AT_ONCE),
            ).fetchall()
        yield from rows
        if len(rows) < ROWS_AT_ONCE:
            return
        last = rows[-1].id
