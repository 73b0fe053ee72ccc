"""
Passages that a search found, with the snapshot and the filter that it reads through.

Vector tables carry no foreign key; every way to a hit joins the window and its chunk, so an orphan never shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from pipelines.store import arrays, graphs
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId, DocumentId, IndexId
from pipelines.text import places
from pipelines.text.places import Place

# Collections of up to so many chunks are compared whole: there faster than a filtered graph, and exact.
EXACT_CHUNKS = 2000
# Share of the words in a hit's confidence. Chosen on train questions: the meaning tells foreign
# questions apart better than it orders passages.
WORDS_IN_CONFIDENCE = 0.4


@dataclass(frozen=True)
class Hit:
    """
    A passage that was found. `score` orders the hits of one question and is made of `dense`, the
    cosine of its best window, and `lexical`, the share of the question's words it holds, by their
    weight and how closely they stand (0 to 1).

    `window_start` and `window_end` are the best window's span in `text`; None: it has no vector.
    `page` and `heading` are those of the middle of this window; `at` tells them of any character.
    """

    chunk_id: ChunkId
    document_id: DocumentId
    title: str
    source: str
    collection: str
    page: int | None
    heading: str | None
    text: str
    language: str | None
    score: float
    dense: float
    lexical: float
    window_start: int | None
    window_end: int | None
    # What the question's terms weigh, by how rare they are in the collection; the same for all hits.
    weights: Mapping[str, float] = field(default_factory=dict, repr=False)
    # Several where the passage holds more than one page or section.
    places: tuple[Place, ...] = ()

    def at(self, character: int) -> tuple[int | None, str | None]:
        """Page and heading path of a character of `text`."""
        place = places.at(self.places, character)
        return (self.page, self.heading) if place is None else (place.page, place.heading)

    @property
    def confidence(self) -> float:
        """How well it fits the question, comparable between questions to one index."""
        return (1 - WORDS_IN_CONFIDENCE) * self.dense + WORDS_IN_CONFIDENCE * self.lexical


@contextmanager
def snapshot(conn: Connection, index_id: IndexId) -> Iterator[None]:
    """One snapshot for all statements, so that a hit cannot vanish between two of them."""
    own = conn.info.transaction_status == TransactionStatus.IDLE
    with conn.transaction():
        own_snapshot = "set transaction isolation level repeatable read, read only;" if own else ""
        # The tables are large next to what is read of them, whatever the statistics say so far;
        # and a plan made without seeing how many terms and chunks are asked for takes the wrong
        # index of the postings.
        conn.execute(
            sql.SQL(
                own_snapshot + "{};"
                " set local hnsw.iterative_scan = relaxed_order;"
                " set local enable_seqscan = off;"
                " set local plan_cache_mode = force_custom_plan"
            ).format(graphs.set_searched(index_id))
        )
        yield


def within(
    conn: Connection, held: Sequence[str], searched: Sequence[str]
) -> tuple[sql.Composable | None, bool]:
    """
    What a chunk's id must fulfil to be searched, None where nothing is left out; and whether so
    few chunks do that comparing them all is faster.

    :param held: The collections that hold documents.
    """
    if set(held) <= set(searched):
        return None, False
    inside = _chunks_of(searched)
    if _is_small(conn, inside):
        return sql.SQL("in ({})").format(inside), True
    # What is left out is mostly less than what is searched.
    left_out = sorted(set(held) - set(searched))
    return sql.SQL("not in ({})").format(_chunks_of(left_out)), False


def _chunks_of(collections: Sequence[str]) -> sql.Composed:
    """A query of the ids of the chunks of collections."""
    return sql.SQL(
        "select c.id from chunk c join document d on d.id = c.document_id"
        " where d.status = 'indexed' and d.collection = any({})"
    ).format(sql.Literal(list(collections)))


def _is_small(conn: Connection, inside: sql.Composable) -> bool:
    row = conn.execute(
        sql.SQL("select count(*) from ({} limit {}) x").format(
            inside, sql.Literal(EXACT_CHUNKS + 1)
        )
    ).fetchone()
    assert row is not None
    return bool(row[0] <= EXACT_CHUNKS)


def rows(
    conn: Connection, chunk_ids: Sequence[ChunkId], searched: Sequence[str]
) -> dict[ChunkId, dict[str, Any]]:
    """What a hit shows of its chunk and document; nothing of another collection, come what may."""
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "select c.id as chunk_id, c.document_id, d.title, d.source, d.collection, c.page,"
            " c.heading, c.text, c.language, c.places"
            " from chunk c join document d on d.id = c.document_id"
            " where c.id = any(%s::bigint[]) and d.collection = any(%s)",
            (arrays.literal(chunk_ids), list(searched)),
        ).fetchall()
    return {
        row["chunk_id"]: row | {"places": tuple(Place(*place) for place in row["places"] or ())}
        for row in found
    }
