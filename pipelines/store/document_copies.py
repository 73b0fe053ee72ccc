"""Documents with the same content: one of them is indexed, the others share its passages."""

from __future__ import annotations

from pipelines.store.db import Connection
from pipelines.store.documents import Document, find_one
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row


def same_content(conn: Connection, collection: str, sha256: str) -> Document | None:
    """An indexed document of the collection with exactly this content."""
    return find_one(
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
