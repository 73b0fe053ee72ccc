"""Documents as the admin pages list them: page by page, with their passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.store import question_words
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row

# Sort orders that a person can choose.
_ORDERS = {
    "newest": "d.id desc",
    "title": "lower(d.title), d.id",
    "size": "d.size_bytes desc, d.id",
}
ORDERS = tuple(_ORDERS)


@dataclass(frozen=True)
class DocumentRow:
    """
    A document in a list.

    `warnings` are remarks on a document that is indexed nevertheless. `same_as` and `twin` are the
    id and title of the document whose passages it shares.
    """

    id: DocumentId
    title: str
    source: str
    collection: str
    status: str
    reason: str | None
    warnings: list[dict[str, Any]]
    pages: int | None
    size_bytes: int
    language: str | None
    chunks: int
    created_at: datetime
    updated_at: datetime
    same_as: DocumentId | None
    twin: str | None


@dataclass(frozen=True)
class WindowedPassage:
    """A chunk with the spans of its windows under the serving index's rule."""

    ordinal: int
    text: str
    page: int | None
    heading: str | None
    language: str | None
    windows: list[tuple[int, int]]
    page_label: str | None = None


_WHERE = (
    " from document d left join document t on t.id = d.same_as"
    " where (strpos(lower(d.title), lower(%(search)s)) > 0"
    "  or coalesce(d.same_as, d.id) = any(%(holding)s))"
    " and (%(statuses)s::text[] is null or d.status = any(%(statuses)s))"
)


def page(
    conn: Connection,
    *,
    search: str = "",
    holding: Sequence[DocumentId] = (),
    statuses: Sequence[str] | None = None,
    order: str = "newest",
    limit: int = 25,
    offset: int = 0,
) -> list[DocumentRow]:
    """
    List one page of documents.

    :param search: Part of the title, in any case.
    :param holding: Documents to list too, whatever their title. See `with_words`.
    :param order: One of `ORDERS`.
    """
    with conn.cursor(row_factory=class_row(DocumentRow)) as cursor:
        return cursor.execute(
            "select d.id, d.title, d.source, d.collection, d.status, d.reason, d.warnings,"
            " d.pages, d.size_bytes, d.language, d.created_at, d.updated_at,"
            " d.same_as, t.title as twin,"
            " (select count(*) from chunk c where c.document_id = coalesce(d.same_as, d.id))"
            " as chunks"
            f"{_WHERE} order by {_ORDERS[order]} limit %(limit)s offset %(offset)s",
            _values(search, holding, statuses) | {"limit": limit, "offset": offset},
        ).fetchall()


def count(
    conn: Connection,
    *,
    search: str = "",
    holding: Sequence[DocumentId] = (),
    statuses: Sequence[str] | None = None,
) -> int:
    """Count the documents that `page` lists in all."""
    values = _values(search, holding, statuses)
    row = conn.execute(f"select count(*){_WHERE}", values).fetchone()
    assert row is not None
    return int(row[0])


def with_words(conn: Connection, words: str) -> list[DocumentId]:
    """
    The documents that contain every word of `words` in any of its forms.

    Words commoner than a question would search by are only required to occur in some document, so
    this costs no more than a question. Without words the list is empty.
    """
    asked = question_words.question(conn, words)
    if not asked.rare or len(set(asked.word.values())) < len(asked.weights):
        return []  # a word that no document holds
    rows = conn.execute(
        "select c.document_id from unnest(%s::text[], %s::int[]) w (term, word)"
        " join posting p on p.term = w.term join chunk c on c.id = p.chunk_id"
        " group by c.document_id having count(distinct w.word) = %s order by c.document_id",
        (
            asked.rare,
            [asked.word[term] for term in asked.rare],
            len({asked.word[term] for term in asked.rare}),
        ),
    )
    return [DocumentId(row[0]) for row in rows]


def ended(conn: Connection, ids: Sequence[DocumentId]) -> int:
    """
    Count the documents that are neither queued nor being indexed. A deleted one counts as ended.
    """
    row = conn.execute(
        "select count(*) from document where id = any(%s) and status in ('queued', 'indexing')",
        (list(ids),),
    ).fetchone()
    assert row is not None
    return len(ids) - int(row[0])


def passages(
    conn: Connection, document_id: DocumentId, *, limit: int = 20, offset: int = 0
) -> list[WindowedPassage]:
    """Return a document's chunks in reading order, with their windows."""
    rows = conn.execute(
        "select c.ordinal, c.text, c.page, c.heading, c.language, c.page_label,"
        " coalesce((select jsonb_agg(jsonb_build_array(w.char_start, w.char_end)"
        "  order by w.char_start) from text_window w join search_index i on i.rule_id = w.rule_id"
        "  join active a on a.index_id = i.id where w.chunk_id = c.id), '[]')"
        " from chunk c where c.document_id = %s order by c.ordinal limit %s offset %s",
        (document_id, limit, offset),
    )
    return [
        WindowedPassage(ordinal, text, page, heading, language, [(a, b) for a, b in windows], label)
        for ordinal, text, page, heading, language, label, windows in rows
    ]


def _values(
    search: str, holding: Sequence[DocumentId], statuses: Sequence[str] | None
) -> dict[str, Any]:
    return {
        "search": search.strip(),
        "holding": list(holding),
        "statuses": None if statuses is None else list(statuses),
    }
