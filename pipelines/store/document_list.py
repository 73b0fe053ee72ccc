"""Documents, listed and counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from psycopg.types.json import Jsonb

from pipelines.store import scope
from pipelines.store.db import Connection
from pipelines.store.documents import UNREAD_LANGUAGE, Document
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class ListedDocument:
    """A document with its number of chunks. `twin` is the title of the document that it copies."""

    document: Document
    chunks: int
    twin: str | None = None


def list_all(
    conn: Connection, *, search: str = "", collection: str | None = None, limit: int = 1000
) -> list[ListedDocument]:
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
    return [ListedDocument(row.document(), row.chunks, row.twin) for row in rows]


def count_by_status(conn: Connection) -> dict[str, int]:
    """Count the documents in each state."""
    return dict(conn.execute("select status, count(*) from document group by status").fetchall())


def count_unread(conn: Connection) -> dict[str, int]:
    """Count the documents of each collection that are waiting or being read."""
    rows = conn.execute(
        "select collection, count(*) from document where status in ('queued', 'indexing')"
        " group by collection"
    )
    return dict(rows.fetchall())


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


def ids_of(conn: Connection, collection: str, source: str) -> list[DocumentId]:
    """The documents of a source in any state: one that serves, and a later attempt that failed."""
    rows = conn.execute(
        "select id from document where collection = %s and source = %s order by id",
        (collection, source),
    )
    return [DocumentId(row[0]) for row in rows]


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


@dataclass(frozen=True)
class _Counted(Document):
    chunks: int
    twin: str | None

    def document(self) -> Document:
        return Document(**{name: getattr(self, name) for name in Document.__dataclass_fields__})
