"""
Rows of `posting`: the terms of chunks, their document frequencies, and BM25 from both.

Deleting a chunk clears its postings by a trigger. Chunks share no rows (there is no table of
document frequencies), so concurrent ingests neither wait for each other nor deadlock here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from pipelines.store import arrays
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId
from pipelines.store.scope import Selection
from pipelines.text.scoring.bm25 import EVERYWHERE, Matches, highest, places, shares
from pipelines.text.terms import STEMMERS, terms

EVERY_CHUNK = ""
LARGEST_SMALLINT = 32767
# As in the partial index `posting_sample`.
SAMPLE_STEP = 64
# Up to here a term's chunks are counted one by one. Beyond, the sample is exact enough for idf.
COUNTED = 2048
# How long such an estimate is cached, and the size of the cache.
ESTIMATE_S = 60.0
MOST_ESTIMATES = 20_000


@dataclass(frozen=True)
class Frequency:
    """A term's document frequency in chunks, and their mean length. Estimated above `COUNTED`."""

    chunks: int
    mean_length: float


@dataclass(frozen=True)
class Terms:
    """
    A question as BM25 sees it.

    `word` maps each form that some chunk contains to the number of its word in the question.
    `weights` are the idf of all words, even of those in no chunk. `rare` are the forms to search
    by. `chunks` are all that there are, estimated if they are many.
    """

    word: dict[str, int]
    weights: NDArray[np.float64]
    rare: list[str]
    mean_length: float
    chunks: int = 0

    @cached_property
    def by_term(self) -> dict[str, float]:
        """The idf of each form that some chunk contains."""
        return {term: float(self.weights[number]) for term, number in self.word.items()}

    @property
    def unknown(self) -> float:
        """The idf of the rarest word, for one that no chunk contains."""
        return float(self.weights.max(initial=0.0))


def add(conn: Connection, rows: Sequence[tuple[ChunkId, str, str | None]]) -> None:
    """
    Write the postings of new chunks, whose rows must exist.

    Words of the document's title and of the headings count once each as part of the chunk, but not
    towards its length. A question often names what the text itself only calls "we".

    :param rows: Chunk, its text, and the language of the text (ISO 639-1, or None if unknown).
    """
    context = {
        row[0]: f"{row[1]}\n{row[2] or ''}"
        for row in conn.execute(
            "select c.id, d.title, coalesce((select string_agg(p ->> 2, ' ')"
            "  from jsonb_array_elements(c.places) p), c.heading)"
            " from chunk c join document d on d.id = c.document_id"
            " where c.id = any(%s)",
            ([chunk_id for chunk_id, _, _ in rows],),
        )
    }
    statement = "copy posting (chunk_id, places, tf, length, term) from stdin (format binary)"
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int8", "int8", "int2", "int2", "text"])
        for chunk_id, text, language in rows:
            chunk_terms = terms(text, language)
            length = min(len(chunk_terms), LARGEST_SMALLINT)
            where = places(chunk_terms)
            counts = Counter(chunk_terms)
            for term in {*terms(context[chunk_id], language), EVERY_CHUNK, _marker(language)}:
                counts[term] += 1
                where[term] = EVERYWHERE
            for term, tf in counts.items():
                copy.write_row((chunk_id, where[term], min(tf, LARGEST_SMALLINT), length, term))


def languages(conn: Connection, *, most: int = 8) -> list[str]:
    """The languages whose stemmers chunks were indexed with, at most the `most` commonest."""
    # Steps through the key from one marker to the next, so there is one step per language.
    rows = conn.execute(
        "with recursive marker as (select min(term) term from posting where term > '@' and term < 'A'"
        " union all select (select min(p.term) from posting p where p.term > m.term and p.term < 'A')"
        " from marker m where m.term is not null)"
        " select substr(term, 2) from marker where term is not null"
    ).fetchall()
    present: list[str] = [row[0] for row in rows]
    if len(present) <= most:
        return present
    counts = frequencies(conn, [_marker(language) for language in present])
    return sorted(present, key=lambda code: -counts[_marker(code)].chunks)[:most]


def texts_with(conn: Connection, wanted: Iterable[str], searched: Selection) -> dict[str, str]:
    """The text of one passage for each of these terms that a passage searched holds."""
    rows = conn.execute(
        sql.SQL(
            "select t.term, x.text from unnest(%s::text[]) t (term) cross join lateral"
            " (select c.text from posting p join chunk c on c.id = p.chunk_id"
            "  join document d on d.id = c.document_id"
            "  where p.term = t.term and d.status = 'indexed' and {} limit 1) x"
        ).format(searched.condition()),
        (sorted(wanted),),
    )
    return {row[0]: row[1] for row in rows}


def terms_beginning(conn: Connection, start: str, most: int) -> list[str]:
    """The first `most` terms with this beginning, in the order of their code points."""
    # Steps through the key from one term to the next, however many passages hold it.
    rows = conn.execute(
        "with recursive held as (select min(term) term from posting where term >= %(start)s"
        " and term < %(end)s"
        " union all select (select min(p.term) from posting p where p.term > h.term"
        "  and p.term < %(end)s) from held h where h.term is not null)"
        " select term from held where term is not null limit %(most)s",
        {"start": start, "end": start + "\U0010ffff", "most": most},
    )
    return [row[0] for row in rows]


def frequencies(conn: Connection, wanted: Iterable[str]) -> dict[str, Frequency]:
    """The document frequencies of these terms, 0 for a term in no chunk."""
    database = f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"
    by_term: dict[str, Frequency] = {}
    uncached: list[str] = []
    for term in wanted:
        known = _estimates.get(database, term)
        if known is None:
            uncached.append(term)
        else:
            by_term[term] = known
    for term, frequency in _count(conn, uncached):
        by_term[term] = frequency
        if frequency.chunks >= COUNTED:
            _estimates.put(database, term, frequency)
    return by_term


def _count(conn: Connection, wanted: Sequence[str]) -> Iterator[tuple[str, Frequency]]:
    if not wanted:
        return
    rows = conn.execute(
        "select t.term, c.n, c.length, s.n, s.length"
        " from unnest(%(terms)s::text[]) t (term)"
        " cross join lateral (select count(*) n, avg(length)::float8 length from"
        "  (select p.length from posting p where p.term = t.term limit %(counted)s) x) c"
        " left join lateral (select count(*) n, avg(length)::float8 length from posting p"
        "  where p.term = t.term and p.chunk_id %% 64 = 0) s on c.n = %(counted)s",
        {"terms": wanted, "counted": COUNTED},
    )
    for term, n, length, sampled, sampled_length in rows:
        if sampled is None:
            yield term, Frequency(n, length or 0.0)
        else:
            yield term, Frequency(max(sampled * SAMPLE_STEP, n), sampled_length or length)


class _Estimates:
    """
    A short-lived cache of the document frequencies of common terms.

    Common terms are in most questions, and counting them is the slow part. Within the cache's
    lifetime a frequency changes by less than the estimate's own error.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[Frequency, float]] = {}

    def get(self, database: str, term: str) -> Frequency | None:
        frequency, until = self._held.get((database, term), (None, 0.0))
        return frequency if until > time.monotonic() else None

    def put(self, database: str, term: str, frequency: Frequency) -> None:
        if len(self._held) >= MOST_ESTIMATES:
            self._held.clear()
        self._held[database, term] = (frequency, time.monotonic() + ESTIMATE_S)


_estimates = _Estimates()


def candidates(
    conn: Connection, asked: Terms, limit: int, *, within: sql.Composable | None = None
) -> list[ChunkId]:
    """
    The chunks with the highest BM25 over the question's rarer words.

    :param within: Condition on a chunk's id, as ``in (...)``.
    """
    condition = sql.SQL("and chunk_id {}").format(within) if within else sql.SQL("")
    # Arrays by term, because grouping by chunk is slower in the database than here.
    rows = _arrays(
        conn,
        sql.SQL(
            "select term, array_agg(chunk_id), array_agg(tf), array_agg(length) from posting"
            " where term = any(%s) {} group by term"
        ).format(condition),
        (asked.rare,),
    )
    if not rows:
        return []
    word = np.repeat([asked.word[row[0]] for row in rows], [len(row[1]) for row in rows])
    chunk, tf, length = (np.concatenate([row[n] for row in rows]) for n in (1, 2, 3))
    best = highest(chunk, asked.weights[word], tf, length, asked.mean_length, limit)
    return [ChunkId(int(found)) for found in best]


def scores(conn: Connection, asked: Terms, chunk_ids: Sequence[ChunkId]) -> NDArray[np.float64]:
    """
    The lexical scores (0 to 1) of these chunks over all words of the question. See `bm25.shares`.

    :param chunk_ids: In ascending order.
    :returns: One score per chunk. *Shape:* ``(n,)``
    """
    # Term by term, so that the key serves it. Else the planner would read all postings of the chunks.
    rows = _arrays(
        conn,
        "select t.term, p.* from unnest(%s::text[]) t (term) cross join lateral (select"
        " array_agg(chunk_id) chunks, array_agg(tf), array_agg(length), array_agg(places)"
        " from posting where term = t.term and chunk_id = any(%s::bigint[])) p"
        " where p.chunks is not null",
        (list(asked.word), arrays.literal(chunk_ids)),
    )
    if not rows:
        return np.zeros(len(chunk_ids))
    word = np.repeat([asked.word[row[0]] for row in rows], [len(row[1]) for row in rows])
    chunk, tf, length, where = (np.concatenate([row[n] for row in rows]) for n in (1, 2, 3, 4))
    found = Matches(np.searchsorted(chunk_ids, chunk), word, tf, length, where)
    return shares(found, len(chunk_ids), asked.weights, asked.mean_length)


def _arrays(
    conn: Connection, statement: LiteralString | sql.Composed, parameters: Sequence[Any]
) -> list[tuple[Any, ...]]:
    with arrays.cursor(conn) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def _marker(language: str | None) -> str:
    return f"@{language}" if language in STEMMERS else "@"
