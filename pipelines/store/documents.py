"""Rows of `document` and `document_blob`: the files as given, and their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipelines.store import scope
from pipelines.store.db import PROCESS, Connection
from pipelines.store.ids import DocumentId

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


@dataclass(frozen=True)
class Listed:
    """A document with its number of chunks. `twin` is the title of the document that it copies."""

    document: Document
    chunks: int
    twin: str | None = None


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
    return _one(
        conn,
        "where collection = %s and source = %s and status in ('indexed', 'duplicate')",
        (collection, source),
    )


def same_content(conn: Connection, collection: str, sha256: str) -> Document | None:
    """An indexed document of the collection with exactly this content."""
    return _one(
        conn,
        "where collection = %s and sha256 = %s and status = 'indexed' order by id limit 1",
        (collection, sha256),
    )


def lock_content(conn: Connection, collection: str, sha256: str) -> None:
    """
    Wait for other transactions that write this content to the collection, and make later ones wait.

    The lock lasts until the transaction ends.
    """
    conn.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"{collection}\n{sha256}",)
    )


def hold(conn: Connection, document_id: DocumentId, sha256: str) -> bool:
    """
    Keep an indexed document from being deleted until the transaction ends.

    :returns: False if there is no such indexed document.
    """
    row = conn.execute(
        "select 1 from document where id = %s and status = 'indexed' and sha256 = %s for share",
        (document_id, sha256),
    ).fetchone()
    return row is not None


def copy_of(conn: Connection, document_id: DocumentId, twin: DocumentId) -> None:
    """Mark a document as a duplicate of another one. Lock the other with `hold` first."""
    conn.execute(
        "update document d set status = 'duplicate', same_as = twin.id, reason = null,"
        " warnings = twin.warnings, language = twin.language, pages = twin.pages,"
        " updated_at = now() from document twin where d.id = %s and twin.id = %s",
        (document_id, twin),
    )


def copies(conn: Connection, document_id: DocumentId) -> list[Document]:
    """The documents that share a document's passages, oldest first."""
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(
            "select * from document where same_as = %s order by id", (document_id,)
        ).fetchall()


def hand_on(
    conn: Connection, document_id: DocumentId, replaced_by: DocumentId | None
) -> DocumentId | None:
    """
    Give a document's copies another document to share passages with, before it is removed.

    :param replaced_by: Its next version. The copies join it if it has the same content.
    :returns: The copy that is indexed in its place and must inherit the passages, or None if no
        copy needs them.
    """
    conn.execute("select 1 from document where id = %s for update", (document_id,))
    conn.execute(
        "update document c set same_as = new.id from document old, document new"
        " where c.same_as = old.id and old.id = %s and new.id = %s and new.sha256 = old.sha256",
        (document_id, replaced_by),
    )
    row = conn.execute(
        "update document set status = 'indexed', same_as = null, updated_at = now()"
        " where id = (select min(id) from document where same_as = %s) returning id",
        (document_id,),
    ).fetchone()
    if row is None:
        return None
    conn.execute("update document set same_as = %s where same_as = %s", (row[0], document_id))
    return DocumentId(row[0])


def get(conn: Connection, document_id: DocumentId) -> Document | None:
    """The document with this id."""
    return _one(conn, "where id = %s", (document_id,))


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


def list_all(
    conn: Connection, *, search: str = "", collection: str | None = None, limit: int = 1000
) -> list[Listed]:
    """
    Documents, newest first.

    :param search: Part of the title, in any case.
    """
    with conn.cursor(row_factory=class_row(_Counted)) as cursor:
        rows = cursor.execute(
            "select d.*, t.title as twin,"
            " (select count(*) from chunk c where c.document_id = coalesce(d.same_as, d.id)) chunks"
            " from document d left join document t on t.id = d.same_as where strpos(lower(d.title), lower(%s)) > 0"
            " and (%s::text is null or d.collection = %s) order by d.id desc limit %s",
            (search, collection, collection, limit),
        ).fetchall()
    return [Listed(row.document(), row.chunks, row.twin) for row in rows]


def delete(conn: Connection, document_id: DocumentId) -> None:
    """Remove the row, and its bytes if no other document has them. See `chunks.delete_document`."""
    row = conn.execute(
        "delete from document where id = %s returning sha256", (document_id,)
    ).fetchone()
    if row is not None:
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


def count_by_status(conn: Connection) -> dict[str, int]:
    """Count the documents in each state."""
    return dict(conn.execute("select status, count(*) from document group by status").fetchall())


def count_unread_language(conn: Connection) -> int:
    """
    Count the indexed documents with the warning that the embedder does not know their language.
    """
    row = conn.execute(
        "select count(*) from document where status = 'indexed' and warnings @> %s",
        (Jsonb([{"code": UNREAD_LANGUAGE}]),),
    ).fetchone()
    assert row is not None
    return int(row[0])


def collections(conn: Connection) -> list[str]:
    """The collections with documents in any state, without visitors' own."""
    rows = conn.execute("select distinct collection from document order by 1")
    return [row[0] for row in rows if not scope.is_private(row[0])]


def sources(conn: Connection, collection: str) -> set[str]:
    """The sources of a collection's documents."""
    rows = conn.execute("select source from document where collection = %s", (collection,))
    return {row[0] for row in rows}


def came_in_within(conn: Connection, span: timedelta) -> bool:
    """Whether a document was indexed within the last `span`."""
    row = conn.execute(
        "select exists (select 1 from document where status = 'indexed' and updated_at > now() - %s)",
        (span,),
    ).fetchone()
    assert row is not None
    return bool(row[0])


def ever_held(conn: Connection) -> bool:
    """Whether there has ever been a document. The sequence of ids remembers deleted ones."""
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
    twin: str | None

    def document(self) -> Document:
        return Document(**{name: getattr(self, name) for name in Document.__dataclass_fields__})
