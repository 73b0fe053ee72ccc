"""Rows of `document` and `document_blob`: what was given, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipelines.store import scope
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId

# Why a document is marked although it is indexed: the warning's `code`.
UNREAD_LANGUAGE = "language"
SUSPICIOUS = "suspicious"


@dataclass(frozen=True)
class Document:
    """One file as given. `source` (path or upload name) and `collection` are its identity."""

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


@dataclass(frozen=True)
class Listed:
    """A document with the number of its chunks."""

    document: Document
    chunks: int


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
    Note that a file came in: its bytes, and a row that is being indexed, or waits for it.

    An earlier attempt at the same source that never got indexed makes way; an indexed version
    stays and serves until the new one takes its place.
    """
    # An update that changes nothing locks the row: whoever drops unused bytes waits, and looks
    # again after the document's row can be seen.
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
    return DocumentId(row[0])


def forget_attempts(conn: Connection, collection: str, source: str) -> None:
    """Remove what never got indexed of a source, with its bytes."""
    rows = conn.execute(
        "delete from document where collection = %s and source = %s and status <> 'indexed'"
        " returning sha256",
        (collection, source),
    ).fetchall()
    _drop_unused(conn, [row[0] for row in rows])


def lock_source(conn: Connection, collection: str, source: str) -> None:
    """Until the transaction ends, nobody else replaces this source."""
    conn.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{collection}\n{source}",)
    )


def start(conn: Connection, document_id: DocumentId) -> None:
    """Note that a waiting document is being indexed."""
    conn.execute(
        "update document set status = 'indexing', reason = null, updated_at = now()"
        " where id = %s and status = 'queued'",
        (document_id,),
    )


def requeue(conn: Connection, document_id: DocumentId) -> bool:
    """Let a document that never got indexed wait for another try; False: it is indexed, or gone."""
    done = conn.execute(
        "update document set status = 'queued', reason = null, updated_at = now()"
        " where id = %s and status <> 'indexed'",
        (document_id,),
    )
    return done.rowcount == 1


def fail(conn: Connection, document_id: DocumentId, reason: str) -> None:
    """Note why a file could not be indexed."""
    conn.execute(
        "update document set status = 'failed', reason = %s, updated_at = now()"
        " where id = %s and status <> 'indexed'",
        (reason, document_id),
    )


def finish(
    conn: Connection,
    document_id: DocumentId,
    *,
    language: str | None,
    pages: int | None,
    warnings: Sequence[dict[str, Any]],
) -> bool:
    """
    Mark a document as indexed; call it in the transaction that writes its chunks.

    :returns: False when it is gone: deleted, or taken in anew by another process.
    """
    done = conn.execute(
        "update document set status = 'indexed', reason = null, language = %s, pages = %s,"
        " warnings = %s, updated_at = now() where id = %s",
        (language, pages, Jsonb(list(warnings)), document_id),
    )
    return done.rowcount == 1


def indexed(conn: Connection, collection: str, source: str) -> Document | None:
    """The version of a source that serves."""
    return _one(
        conn, "where collection = %s and source = %s and status = 'indexed'", (collection, source)
    )


def same_content(conn: Connection, collection: str, sha256: str) -> Document | None:
    """An indexed document of the collection with exactly this content."""
    return _one(
        conn,
        "where collection = %s and sha256 = %s and status = 'indexed' order by id limit 1",
        (collection, sha256),
    )


def get(conn: Connection, document_id: DocumentId) -> Document | None:
    """The document with this id."""
    return _one(conn, "where id = %s", (document_id,))


def get_many(conn: Connection, ids: Sequence[DocumentId]) -> list[Document]:
    """Those of these documents that are there, in the order given."""
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(
            "select d.* from document d join unnest(%s::bigint[]) with ordinality g (id, n)"
            " using (id) order by g.n",
            (list(ids),),
        ).fetchall()


def content(conn: Connection, document_id: DocumentId) -> bytes | None:
    """The bytes of a document as they came in."""
    row = conn.execute(
        "select b.content from document d join document_blob b using (sha256) where d.id = %s",
        (document_id,),
    ).fetchone()
    return None if row is None else bytes(row[0])


def list_all(
    conn: Connection, *, search: str = "", collection: str | None = None, limit: int = 1000
) -> list[Listed]:
    """Documents, newest first. `search`: part of the title, any case."""
    with conn.cursor(row_factory=class_row(_Counted)) as cursor:
        rows = cursor.execute(
            "select d.*, (select count(*) from chunk c where c.document_id = d.id) chunks"
            " from document d where strpos(lower(d.title), lower(%s)) > 0"
            " and (%s::text is null or d.collection = %s) order by d.id desc limit %s",
            (search, collection, collection, limit),
        ).fetchall()
    return [Listed(row.document(), row.chunks) for row in rows]


def delete(conn: Connection, document_id: DocumentId) -> None:
    """Remove the row, and its bytes if nothing else has them. See `chunks.delete_document`."""
    row = conn.execute(
        "delete from document where id = %s returning sha256", (document_id,)
    ).fetchone()
    if row is not None:
        _drop_unused(conn, [row[0]])


def _drop_unused(conn: Connection, shas: Sequence[str]) -> None:
    """Delete bytes that no document has any more."""
    if not shas:
        return
    # Locked first, so that the second statement sees the documents of whoever held the lock.
    conn.execute(
        "select 1 from document_blob where sha256 = any(%s) order by sha256 for update",
        (list(shas),),
    )
    conn.execute(
        "delete from document_blob b where sha256 = any(%s)"
        " and not exists (select 1 from document d where d.sha256 = b.sha256)",
        (list(shas),),
    )


def count_by_status(conn: Connection) -> dict[str, int]:
    """How many documents are in each state."""
    return dict(conn.execute("select status, count(*) from document group by status").fetchall())


def count_unread_language(conn: Connection) -> int:
    """How many indexed documents carry the warning that the embedder does not read them."""
    row = conn.execute(
        "select count(*) from document where status = 'indexed' and warnings @> %s",
        (Jsonb([{"code": UNREAD_LANGUAGE}]),),
    ).fetchone()
    assert row is not None
    return int(row[0])


def collections(conn: Connection) -> list[str]:
    """The collections that hold documents, in any state, but for visitors' own."""
    rows = conn.execute("select distinct collection from document order by 1")
    return [row[0] for row in rows if not scope.is_private(row[0])]


def sources(conn: Connection, collection: str) -> set[str]:
    """The sources that a collection holds."""
    rows = conn.execute("select source from document where collection = %s", (collection,))
    return {row[0] for row in rows}


def came_in_within(conn: Connection, span: timedelta) -> bool:
    """Whether a document was indexed lately."""
    row = conn.execute(
        "select exists (select 1 from document where status = 'indexed' and updated_at > now() - %s)",
        (span,),
    ).fetchone()
    assert row is not None
    return bool(row[0])


def ever_held(conn: Connection) -> bool:
    """Whether there has ever been a document: the sequence tells when all are gone."""
    row = conn.execute(
        "select pg_sequence_last_value(pg_get_serial_sequence('document', 'id')::regclass)"
    ).fetchone()
    assert row is not None
    return row[0] is not None


def _one(conn: Connection, condition: str, values: Sequence[object]) -> Document | None:
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(f"select * from document {condition}", values).fetchone()


@dataclass(frozen=True)
class _Counted(Document):
    chunks: int

    def document(self) -> Document:
        return Document(**{name: getattr(self, name) for name in Document.__dataclass_fields__})
