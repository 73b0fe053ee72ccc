"""Rows of `replica`: the processes that serve or work, their version, and what they have loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.store.db import Connection
from pipelines.store.ids import IndexId
from pipelines.store.rows import class_row

# After three missed heartbeats a promotion no longer waits for the replica.
LIVE_S = 6.0
# It may only have been stopped, so the versions that it has loaded are kept for so long.
FORGET_S = 600.0


@dataclass(frozen=True)
class Beat:
    """
    A replica's report on itself.

    `refused` are the indexes that it cannot load, and `fault` is the reason. `address` is where a
    browser on its machine reaches it, if it is a web server.
    """

    id: str
    kind: str
    host: str
    pid: int
    epoch: int | None
    prepared: list[IndexId]
    oldest_epoch: int | None
    fault: str | None
    refused: list[IndexId]
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplicaRow(Beat):
    """A replica as stored. `live` means that it has reported within `LIVE_S`."""

    seen_at: datetime
    live: bool


def beat(conn: Connection, report: Beat) -> datetime:
    """Store a replica's report, and return its time."""
    row = conn.execute(
        "insert into replica (id, kind, host, pid, epoch, prepared, oldest_epoch, fault, refused,"
        " address, seen_at) values (%(id)s, %(kind)s, %(host)s, %(pid)s, %(epoch)s, %(prepared)s,"
        " %(oldest_epoch)s, %(fault)s, %(refused)s, %(address)s,"
        " clock_timestamp())"
        " on conflict (id) do update set epoch = excluded.epoch, prepared = excluded.prepared,"
        " oldest_epoch = excluded.oldest_epoch, fault = excluded.fault,"
        " refused = excluded.refused, address = excluded.address, seen_at = excluded.seen_at"
        " returning seen_at",
        vars(report),
    ).fetchone()
    assert row is not None
    seen_at: datetime = row[0]
    return seen_at


def leave(conn: Connection, replica_id: str) -> None:
    """Delete the row of a replica that has ended."""
    conn.execute("delete from replica where id = %s", (replica_id,))


def list_all(conn: Connection) -> list[ReplicaRow]:
    """Every known replica, ordered by id."""
    return _rows(conn, "true", ())


def reached_on(conn: Connection, host: str) -> list[tuple[int, str]]:
    """Process id and address of each web server on a host, the most recent report first."""
    return conn.execute(
        "select pid, address from replica where host = %s and address is not null"
        " order by seen_at desc",
        (host,),
    ).fetchall()


def unprepared(conn: Connection, index_id: IndexId) -> list[ReplicaRow]:
    """The live replicas that have not loaded an index."""
    return _rows(conn, "live and not %s = any(prepared)", (index_id,))


def forget_dead(conn: Connection, host: str, is_running: Callable[[int], bool]) -> None:
    """
    Delete the rows of ended processes on this host, and of all that have not reported for long.
    """
    rows = conn.execute("select id, pid from replica where host = %s", (host,)).fetchall()
    gone = [replica_id for replica_id, pid in rows if not is_running(pid)]
    conn.execute(
        "delete from replica where id = any(%s) or seen_at < now() - make_interval(secs => %s)",
        (gone, FORGET_S),
    )


def _rows(conn: Connection, condition: str, values: Sequence[object]) -> list[ReplicaRow]:
    with conn.cursor(row_factory=class_row(ReplicaRow)) as cursor:
        return cursor.execute(
            "select * from (select *, seen_at > clock_timestamp() - make_interval(secs => %s) live"
            f" from replica) r where {condition} order by id",
            (LIVE_S, *values),
        ).fetchall()
