"""Documents by who added them: a visitor's own files with their sizes and ages, and what is newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from psycopg.rows import class_row

from pipelines.store.db import Connection
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId

_PRIVATE = "starts_with(collection, 'visitor:')"


@dataclass(frozen=True)
class Held:
    """How much there is."""

    files: int
    size_bytes: int


def lock(conn: Connection) -> None:
    """Until the transaction ends, nobody else adds a file of a visitor's: quotas stay true."""
    conn.execute("select pg_advisory_xact_lock(hashtextextended('files of visitors', 0))")


def held(conn: Connection, collection: str) -> Held:
    """What a private collection holds, failed files too: their bytes are kept."""
    row = conn.execute(
        f"select count(*), coalesce(sum(size_bytes), 0) from document"
        f" where {_PRIVATE} and collection = %s",
        (collection,),
    ).fetchone()
    assert row is not None
    return Held(int(row[0]), int(row[1]))


def held_in_all(conn: Connection) -> Held:
    """What all private collections hold together."""
    row = conn.execute(
        f"select count(*), coalesce(sum(size_bytes), 0) from document where {_PRIVATE}"
    ).fetchone()
    assert row is not None
    return Held(int(row[0]), int(row[1]))


def newest(conn: Connection, collections: Sequence[str], limit: int) -> list[Document]:
    """The documents of some collections that came in last, in any state."""
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(
            "select * from document where collection = any(%s) order by id desc limit %s",
            (list(collections), limit),
        ).fetchall()


def get(conn: Connection, collections: Sequence[str], document_id: DocumentId) -> Document | None:
    """A document, if it is in one of these collections."""
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(
            "select * from document where id = %s and collection = any(%s)",
            (document_id, list(collections)),
        ).fetchone()


def expired(conn: Connection, age: timedelta, limit: int = 1000) -> list[DocumentId]:
    """Visitors' files that came in so long ago, oldest first."""
    rows = conn.execute(
        f"select id from document where {_PRIVATE} and created_at < now() - %s"
        " order by created_at limit %s",
        (age, limit),
    )
    return [DocumentId(row[0]) for row in rows]
