"""Passages of documents as they are read: rows of `chunk`, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, DocumentId
from pipelines.store.scope import Selection

# Characters of a passage that an excerpt shows.
LEAD_CHARS = 600


@dataclass(frozen=True)
class Chunk:
    """A chunk as stored."""

    id: ChunkId
    ordinal: int
    text: str
    page: int | None
    heading: str | None
    page_label: str | None = None


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a document's passage, with its heading path (" > " between levels)."""

    document_id: DocumentId
    heading: str | None
    lead: str
    language: str | None = None


def of_document(conn: Connection, document_id: DocumentId, *, limit: int = 1000) -> list[Chunk]:
    """A document's chunks in reading order."""
    return [
        Chunk(*row)
        for row in conn.execute(
            "select id, ordinal, text, page, heading, page_label from chunk where document_id = %s"
            " order by ordinal limit %s",
            (document_id, limit),
        )
    ]


def range_of(
    conn: Connection, document_id: DocumentId, first: int, *, most_chars: int
) -> list[Chunk]:
    """
    A document's chunks in reading order, from the `first` one on, as many as fit.

    :param most_chars: Of all texts together. The first chunk comes whatever its size.
    """
    rows = conn.execute(
        "select id, ordinal, text, page, heading, page_label"
        " from (select *, sum(length(text)) over (order by ordinal) as chars"
        "   from (select * from chunk where document_id = %(document)s and ordinal >= %(first)s"
        "     order by ordinal limit %(limit)s) as following) as counted"
        " where chars <= %(most)s or ordinal = %(first)s"
        " order by ordinal",
        {"document": document_id, "first": first, "limit": 1000, "most": most_chars},
    )
    return [Chunk(*row) for row in rows]


def count_of(conn: Connection, document_id: DocumentId) -> int:
    """How many chunks a document has."""
    row = conn.execute(
        "select count(*) from chunk where document_id = %s", (document_id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def newest(conn: Connection, searched: Selection, limit: int) -> tuple[DocumentId, ...]:
    """The most recently added documents of a selection, of those that are indexed."""
    rows = conn.execute(
        sql.SQL(
            "select d.id from document d where d.status = 'indexed' and {}"
            " order by d.id desc limit %s"
        ).format(searched.condition()),
        (limit,),
    )
    return tuple(DocumentId(row[0]) for row in rows)


def excerpts(conn: Connection, ids: Sequence[DocumentId], each: int) -> list[Excerpt]:
    """The beginnings of each document's first `each` passages with every heading in them."""
    rows = conn.execute(
        "select d.id, x.heading, x.lead, x.language from unnest(%s::bigint[]) with ordinality"
        " d (id, n) cross join lateral (select h.heading,"
        "  case when h.first then left(c.text, %s) else '' end lead, c.language"
        "  from (select * from chunk where document_id = d.id order by ordinal limit %s) c"
        "  cross join lateral (select c.heading, true where c.places is null"
        "   union all select p.place ->> 2, p.m = 1"
        "   from jsonb_array_elements(c.places) with ordinality p (place, m)) h (heading, first)"
        "  order by c.ordinal limit %s) x order by d.n",
        (list(ids), LEAD_CHARS, each, 2 * each),
    )
    return [Excerpt(*row) for row in rows]
