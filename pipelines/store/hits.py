"""
Passages that a search found, with the snapshot and the filter that it reads through.

Vector tables have no foreign key. Every query for a hit joins the window and its chunk, so a vector
without a window never shows.
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
from pipelines.store.scope import Selection
from pipelines.text import places
from pipelines.text.places import Place

# Up to so many chunks are all compared, which is exact and faster than a filtered graph.
EXACT_CHUNKS = 2000
# Weight of the lexical score in a hit's confidence, chosen on train questions. The cosine is better
# at recognising questions that the corpus cannot answer than at ranking passages.
WORDS_IN_CONFIDENCE = 0.4


@dataclass(frozen=True)
class Hit:
    """
    A passage that was found.

    `score` ranks the hits of one question. It combines `dense`, the cosine of the best window, and
    `lexical`. `lexical` is the share of the question's words in the passage, weighted by their idf
    and by how close together they are (0 to 1).

    `window_start` and `window_end` are the best window's span in `text`, or None without a vector.
    `page` and `heading` belong to the middle of this window. `at` returns them for any character.
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
    # Weights of the question's terms by their rarity, the same mapping for all hits of a question.
    weights: Mapping[str, float] = field(default_factory=dict, repr=False)
    # More than one if the passage spans several pages or sections.
    places: tuple[Place, ...] = ()
    # What is printed on the page, if that differs from its number.
    page_label: str | None = None

    def at(self, character: int) -> Place:
        """Page and heading path of a character of `text`."""
        place = places.at(self.places, character)
        return Place(0, self.page, self.heading, self.page_label) if place is None else place

    @property
    def confidence(self) -> float:
        """How well the passage fits the question, comparable between questions to one index."""
        return (1 - WORDS_IN_CONFIDENCE) * self.dense + WORDS_IN_CONFIDENCE * self.lexical


@contextmanager
def snapshot(conn: Connection, index_id: IndexId) -> Iterator[None]:
    """Use one snapshot for all statements, so that a hit cannot vanish between two of them."""
    own = conn.info.transaction_status == TransactionStatus.IDLE
    with conn.transaction():
        own_snapshot = "set transaction isolation level repeatable read, read only;" if own else ""
        # Little of each table is read, even where the statistics do not know its size yet. A plan
        # made without seeing the number of terms and chunks uses the wrong index of the postings.
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
    conn: Connection, held: Sequence[str], searched: Selection
) -> tuple[sql.Composable | None, bool]:
    """
    The condition on a chunk's id for a search in some collections and documents.

    :param held: The collections with indexed documents.
    :returns: The condition, or None if nothing is left out, and whether so few chunks fulfil it
        that comparing them all is faster.
    """
    if set(held) <= set(searched.collections):
        return None, False
    inside = _chunks_of(searched)
    if _is_small(conn, inside):
        return sql.SQL("in ({})").format(inside), True
    if searched.documents:
        return sql.SQL("in ({})").format(inside), False
    # Usually fewer chunks are left out than searched.
    left_out = Selection(tuple(sorted(set(held) - set(searched.collections))))
    return sql.SQL("not in ({})").format(_chunks_of(left_out)), False


def _chunks_of(searched: Selection) -> sql.Composed:
    """A query for the ids of the chunks that are searched."""
    return sql.SQL(
        "select c.id from chunk c join document d on d.id = c.document_id"
        " where d.status = 'indexed' and {}"
    ).format(searched.condition())


def _is_small(conn: Connection, inside: sql.Composable) -> bool:
    row = conn.execute(
        sql.SQL("select count(*) from ({} limit {}) x").format(
            inside, sql.Literal(EXACT_CHUNKS + 1)
        )
    ).fetchone()
    assert row is not None
    return bool(row[0] <= EXACT_CHUNKS)


def unranked(row: Mapping[str, Any]) -> Hit:
    """A passage that was not searched for, from one of `rows`."""
    return Hit(
        **row, score=0.0, dense=0.0, lexical=0.0, window_start=None, window_end=None
    )  # fmt: skip


def rows(
    conn: Connection, chunk_ids: Sequence[ChunkId], searched: Selection
) -> dict[ChunkId, dict[str, Any]]:
    """
    The parts of a hit that come from its chunk and document, only of what is searched.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            sql.SQL(
                "select c.id as chunk_id, c.document_id, d.title, d.source, d.collection, c.page,"
                " c.heading, c.text, c.language, c.places, c.page_label"
                " from chunk c join document d on d.id = c.document_id"
                " where c.id = any(%s::bigint[]) and {}"
            ).format(searched.condition()),
            (arrays.literal(chunk_ids),),
        ).fetchall()
    return {
        row["chunk_id"]: row | {"places": tuple(Place(*place) for place in row["places"] or ())}
        for row in found
    }
