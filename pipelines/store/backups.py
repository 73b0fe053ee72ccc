"""What the scheduled backup did last, whether anything changed since, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg

from pipelines.store import snapshots
from pipelines.store.db import Connection
from pipelines.store.rows import class_row

# A key of two parts, like the one of scratch databases.
LOCK = (7202, 1)
# Rows that change all the time and that nobody would miss.
UNCOUNTED = (*snapshots.PASSING, "backup_state", "procrastinate_workers")


@dataclass(frozen=True)
class BackupState:
    """
    What the scheduled backup did last.

    :param changes: What `changes` said just before the newest snapshot.
    :param taken_at: When the newest snapshot was taken. None if there is none.
    :param current_at: When the newest snapshot was last known to hold everything.
    :param failed_at: When the last attempt failed. None if it succeeded.
    """

    place_sha256: str
    snapshot: str
    size_bytes: int
    changes: str
    taken_at: datetime | None
    current_at: datetime | None
    failed_at: datetime | None
    fault: str


@contextmanager
def turn(dsn: str, *, waiting: bool = False) -> Iterator[Connection | None]:
    """
    Let one process at a time back up or restore, on whatever machine.

    :param waiting: Wait for the others.
    :returns: The connection that holds the lock. None if another process has it.
    """
    # On a connection of its own, which a killed process loses.
    with psycopg.connect(dsn, autocommit=True, application_name="attune backup") as conn:
        if waiting:
            conn.execute("select pg_advisory_lock(%s, %s)", LOCK)
        elif conn.execute("select pg_try_advisory_lock(%s, %s)", LOCK).fetchone() != (True,):
            yield None
            return
        try:
            yield conn
        finally:
            # A closed connection keeps its lock a moment longer.
            if not conn.closed:
                conn.execute("select pg_advisory_unlock(%s, %s)", LOCK)


def get(conn: Connection) -> BackupState:
    """What the scheduled backup did last."""
    with conn.cursor(row_factory=class_row(BackupState)) as cursor:
        found = cursor.execute(
            "select place_sha256, snapshot, size_bytes, changes, taken_at, current_at, failed_at,"
            " fault from backup_state"
        ).fetchone()
    assert found is not None
    return found


def changes(conn: Connection) -> str:
    """
    A text that differs whenever a row was written meanwhile.

    It comes from the server's own counts. A connection that stays open adds its changes to them
    within 10 s, one that closes at once. They begin again when the server crashes, so a difference
    may also mean nothing.

    :returns: The text. Empty if the server does not count.
    """
    row = conn.execute(
        "select md5(string_agg(format('%%s.%%s %%s %%s', schemaname, relname, relid,"
        " n_tup_ins + n_tup_upd + n_tup_del), ',' order by relid))"
        " from pg_stat_user_tables"
        " where relname <> all(%s) and current_setting('track_counts')::boolean",
        (list(UNCOUNTED),),
    ).fetchone()
    return str(row[0] or "") if row is not None else ""


def note_taken(
    conn: Connection, place_sha256: str, snapshot: str, size_bytes: int, changes: str
) -> None:
    """Note a snapshot that was completed now."""
    conn.execute(
        "update backup_state set place_sha256 = %s, snapshot = %s, size_bytes = %s, changes = %s,"
        " taken_at = clock_timestamp(), current_at = clock_timestamp(), failed_at = null,"
        " fault = ''",
        (place_sha256, snapshot, size_bytes, changes),
    )


def note_current(conn: Connection) -> None:
    """Note that nothing has changed since the newest snapshot."""
    conn.execute(
        "update backup_state set current_at = clock_timestamp(), failed_at = null, fault = ''"
    )


def note_failed(conn: Connection, fault: str) -> None:
    """Note that an attempt failed now, and why."""
    conn.execute(
        "update backup_state set failed_at = clock_timestamp(), fault = %s", (fault[:1_000],)
    )
