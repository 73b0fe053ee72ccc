"""Rows of `document` and `document_blob`: the files as given, and their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from pipelines.store import recognised
from pipelines.store.db import PROCESS, Connection
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row

# `code` of a warning that an indexed document can have.
UNREAD_LANGUAGE = "language"
SUSPICIOUS = "suspicious"
NOT_READ = "not_read"


@dataclass(frozen=True)
class Document:
    """
    One file as given. `collection` and `source` (path or upload name) identify it.

    `same_as` is set for the status "duplicate". It names the indexed document with the same
    content, whose passages it shares.
    """

    id: DocumentId
    source: str
    title: str
    sha256: str
    mime: str
    size_bytes: int
    status: str
    reason: str | None
    warnings: list[dict[str, Any]]
    language: str | None
    pages: int | None
    collection: str
    created_at: datetime
    updated_at: datetime
    same_as: DocumentId | None


def begin(
    conn: Connection,
    *,
    source: str,
    title: str,
    sha256: str,
    mime: str,
    content: bytes,
    collection: str,
    status: Literal["indexing", "queued"] = "indexing",
) -> DocumentId:
    """
    Store a new file's bytes, and a row with the status "indexing" or "queued".

    Earlier attempts at the same source that were never indexed are removed. An indexed version
    stays and is searched until the new one replaces it.
    """
    # An update that changes nothing locks the row. A transaction that drops unused bytes then waits,
    # and checks again when the document's row is visible.
    conn.execute(
        "insert into document_blob (sha256, content) values (%s, %b)"
        " on conflict (sha256) do update set sha256 = excluded.sha256",
        (sha256, content),
    )
    forget_attempts(conn, collection, source)
    row = conn.execute(
        "insert into document (source, title, sha256, mime, size_bytes, status, collection)"
        " values (%s, %s, %s, %s, %s, %s, %s) returning id",
        (source, title, sha256, mime, len(content), status, collection),
    ).fetchone()
    assert row is not None
    if status == "indexing":
        own(conn, DocumentId(row[0]))
    return DocumentId(row[0])


def own(conn: Connection, document_id: DocumentId) -> None:
    """Note that this process indexes a document."""
    conn.execute(
        "insert into document_process (document_id, process)"
        " select id, %s from document where id = %s"
        " on conflict (document_id) do update set process = excluded.process",
        (PROCESS, document_id),
    )


def forget_attempts(conn: Connection, collection: str, source: str) -> None:
    """Remove the documents of a source that were never indexed, with their bytes."""
    rows = conn.execute(
        "delete from document where collection = %s and source = %s"
        " and status not in ('indexed', 'duplicate') returning sha256",
        (collection, source),
    ).fetchall()
    _drop_unused(conn, [row[0] for row in rows])


def lock_source(conn: Connection, collection: str, source: str) -> None:
    """Keep other transactions from replacing this source until this one ends."""
    conn.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{collection}\n{source}",)
    )


def start(conn: Connection, document_id: DocumentId) -> None:
    """Mark a queued document as being indexed."""
    conn.execute(
        "update document set status = 'indexing', reason = null, updated_at = now()"
        " where id = %s and status = 'queued'",
        (document_id,),
    )
    own(conn, document_id)


def requeue(conn: Connection, document_id: DocumentId) -> bool:
    """
    Queue a document again that was never indexed.

    :returns: False if it is indexed or gone.
    """
    done = conn.execute(
        "update document set status = 'queued', reason = null, updated_at = now()"
        " where id = %s and status not in ('indexed', 'duplicate')",
        (document_id,),
    )
    return done.rowcount == 1


def fail(conn: Connection, document_id: DocumentId, reason: str) -> None:
    """Mark a document as failed, with the reason."""
    conn.execute(
        "update document set status = 'failed', reason = %s, updated_at = now()"
        " where id = %s and status not in ('indexed', 'duplicate')",
        (reason, document_id),
    )


def interrupt(conn: Connection, ids: Sequence[DocumentId], waiting: Sequence[DocumentId]) -> None:
    """
    Undo the status "indexing" of documents whose indexing was interrupted.

    :param ids: These are removed with their bytes. Whoever added them adds them again.
    :param waiting: These are queued again.
    """
    conn.execute(
        "update document set status = 'queued', updated_at = now()"
        " where id = any(%s) and status = 'indexing'",
        (list(waiting),),
    )
    rows = conn.execute(
        "delete from document where id = any(%s) and status = 'indexing' returning sha256",
        (list(ids),),
    ).fetchall()
    _drop_unused(conn, [row[0] for row in rows])


def finish(
    conn: Connection,
    document_id: DocumentId,
    *,
    language: str | None,
    pages: int | None,
    warnings: Sequence[dict[str, Any]],
) -> bool:
    """
    Mark a document as indexed. Call it in the transaction that writes its chunks.

    :returns: False if the row is gone: deleted, or replaced by another process.
    """
    done = conn.execute(
        "update document set status = 'indexed', reason = null, same_as = null, language = %s,"
        " pages = %s, warnings = %s, updated_at = now() where id = %s",
        (language, pages, Jsonb(list(warnings)), document_id),
    )
    return done.rowcount == 1


def indexed(conn: Connection, collection: str, source: str) -> Document | None:
    """The searchable document of a source: one that is indexed, or a duplicate of one."""
    return find_one(
        conn,
        "where collection = %s and source = %s and status in ('indexed', 'duplicate')",
        (collection, source),
    )


def get(conn: Connection, document_id: DocumentId) -> Document | None:
    """The document with this id."""
    return find_one(conn, "where id = %s", (document_id,))


def get_many(conn: Connection, ids: Sequence[DocumentId]) -> list[Document]:
    """The documents with these ids that exist, in the order given."""
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(
            "select d.* from document d join unnest(%s::bigint[]) with ordinality g (id, n)"
            " using (id) order by g.n",
            (list(ids),),
        ).fetchall()


def content(conn: Connection, document_id: DocumentId) -> bytes | None:
    """A document's bytes as they were added."""
    row = conn.execute(
        "select b.content from document d join document_blob b using (sha256) where d.id = %s",
        (document_id,),
    ).fetchone()
    return None if row is None else bytes(row[0])


def delete(conn: Connection, document_id: DocumentId) -> None:
    """
    Remove the row, its bytes if no other document has them, and what OCR kept of it.

    See `chunks.delete_document`.
    """
    row = conn.execute(
        "delete from document where id = %s returning sha256", (document_id,)
    ).fetchone()
    if row is not None:
        recognised.forget_deleted(conn, row[0])
        _drop_unused(conn, [row[0]])


def _drop_unused(conn: Connection, shas: Sequence[str]) -> None:
    """Delete bytes that no document has any more."""
    if not shas:
        return
    # Locked first, so that the second statement sees documents that another transaction has added.
    conn.execute(
        "select 1 from document_blob where sha256 = any(%s) order by sha256 for update",
        (list(shas),),
    )
    conn.execute(
        "delete from document_blob b where sha256 = any(%s)"
        " and not exists (select 1 from document d where d.sha256 = b.sha256)",
        (list(shas),),
    )


def find_one(conn: Connection, condition: str, values: Sequence[object]) -> Document | None:
    """The first document that a condition on `document` selects."""
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(f"select * from document {condition}", values).fetchone()
