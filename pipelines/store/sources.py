"""Rows of `source`: the places whose documents are followed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg

from pipelines.errors import BusyError
from pipelines.store import db
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import SourceId
from pipelines.store.rows import class_row

_COLUMNS = (
    "id, address, collection, deletes, every_minutes, secret is not null as has_secret, mark,"
    " created_by, created_at"
)


@dataclass(frozen=True)
class FollowedSource:
    """
    A place whose documents are followed.

    :param address: A folder or an address, without its password.
    :param deletes: Whether documents go when their files are gone.
    :param every_minutes: How often it is read unasked. 0 means never.
    :param mark: Its state when it was last read as a whole, where it has one, e.g. a commit.
    """

    id: SourceId
    address: str
    collection: str
    deletes: bool
    every_minutes: int
    has_secret: bool
    mark: str
    created_by: str
    created_at: datetime


@contextmanager
def alone(pool: Pool, source_id: SourceId) -> Iterator[None]:
    """
    Take the lock for reading a source, one for all machines.

    :raises BusyError: Another process has it.
    """
    with db.connect_alone(pool) as conn:
        key = (db.SOURCE_LOCK, source_id)
        row = conn.execute("select pg_try_advisory_lock(%s, %s::int)", key).fetchone()
        if row is None or not row[0]:
            raise BusyError("Another process is reading this source: attune jobs list")
        try:
            yield
        finally:
            # Closing alone would release it too, but a moment after the next attempt may ask.
            with suppress(psycopg.OperationalError):
                conn.execute("select pg_advisory_unlock(%s, %s::int)", key)


def find(conn: Connection, collection: str, address: str) -> FollowedSource | None:
    """The source with this address in a collection."""
    with conn.cursor(row_factory=class_row(FollowedSource)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from source where collection = %s and address = %s",
            (collection, address),
        ).fetchone()


def get(conn: Connection, source_id: SourceId) -> FollowedSource | None:
    """The source with this id."""
    with conn.cursor(row_factory=class_row(FollowedSource)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from source where id = %s", (source_id,)
        ).fetchone()


def list_all(conn: Connection) -> list[FollowedSource]:
    """Every source, oldest first."""
    with conn.cursor(row_factory=class_row(FollowedSource)) as cursor:
        return cursor.execute(f"select {_COLUMNS} from source order by id").fetchall()


def add(conn: Connection, *, address: str, collection: str, who: str) -> FollowedSource:
    """Store a new source, or return the one with this address."""
    conn.execute(
        "insert into source (address, collection, created_by) values (%s, %s, %s)"
        " on conflict (collection, address) do nothing",
        (address, collection, who),
    )
    source = find(conn, collection, address)
    assert source is not None
    return source


def change(
    conn: Connection,
    source_id: SourceId,
    *,
    deletes: bool | None = None,
    every_minutes: int | None = None,
    mark: str | None = None,
) -> None:
    """Change what is given. The rest stays."""
    conn.execute(
        "update source set deletes = coalesce(%s, deletes),"
        " every_minutes = coalesce(%s, every_minutes), mark = coalesce(%s, mark) where id = %s",
        (deletes, every_minutes, mark, source_id),
    )


def set_secret(conn: Connection, source_id: SourceId, sealed: bytes | None) -> None:
    """Store a source's encrypted secret, or remove it."""
    conn.execute("update source set secret = %b where id = %s", (sealed, source_id))


def secret(conn: Connection, source_id: SourceId) -> bytes | None:
    """A source's encrypted secret."""
    row = conn.execute("select secret from source where id = %s", (source_id,)).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def delete(conn: Connection, source_id: SourceId) -> None:
    """Forget a source. Its documents stay."""
    conn.execute("delete from source where id = %s", (source_id,))
