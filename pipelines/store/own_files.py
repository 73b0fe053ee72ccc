"""Documents by owner: visitors' own files with their sizes and ages, and the newest documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pipelines.store.db import Connection
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row

_PRIVATE = "starts_with(collection, 'visitor:')"


@dataclass(frozen=True)
class FilesUsed:
    """Number and total size of files."""

    files: int
    size_bytes: int


def lock(conn: Connection) -> None:
    """
    Keep other transactions from adding a visitor's file until this one ends, so that quotas are
    kept.
    """
    conn.execute("select pg_advisory_xact_lock(hashtextextended('files of visitors', 0))")


def held(conn: Connection, collection: str) -> FilesUsed:
    """
    Count the files of a private collection. Failed ones count too, because their bytes are kept.
    """
    row = conn.execute(
        f"select count(*), coalesce(sum(size_bytes), 0) from document"
        f" where {_PRIVATE} and collection = %s",
        (collection,),
    ).fetchone()
    assert row is not None
    return FilesUsed(int(row[0]), int(row[1]))


def held_in_all(conn: Connection) -> FilesUsed:
    """Count the files of all private collections together."""
    row = conn.execute(
        f"select count(*), coalesce(sum(size_bytes), 0) from document where {_PRIVATE}"
    ).fetchone()
    assert row is not None
    return FilesUsed(int(row[0]), int(row[1]))


def newest(conn: Connection, collections: Sequence[str], limit: int) -> list[Document]:
    """The most recently added documents of some collections, in any state."""
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
    """Visitors' files that were added longer ago than `age`, oldest first."""
    rows = conn.execute(
        f"select id from document where {_PRIVATE} and created_at < now() - %s"
        " order by created_at limit %s",
        (age, limit),
    )
    return [DocumentId(row[0]) for row in rows]
