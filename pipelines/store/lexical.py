"""
Rows of `posting`: the terms of chunks, how common each term is, and BM25 from both.

Deleting a chunk clears its postings by a trigger. Nothing is shared between chunks (no table of
document frequencies), so concurrent ingests neither wait for each other nor deadlock here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.fusion import K1, B, idf
from pipelines.lexical import STEMMERS, question_terms, terms
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId

EVERY_CHUNK = ""
LARGEST_SMALLINT = 32767
# As in the partial index `posting_sample`.
SAMPLE_STEP = 64
# Up to here a term's chunks are counted one by one; beyond, the sample is exact enough for idf.
COUNTED = 2048
# A question's words beyond this cost time and add nothing.
MOST_WORDS = 64
# Postings read to find candidates; commoner words count only in chunks that rarer ones found.
POSTINGS_READ = 20_000


@dataclass(frozen=True)
class Frequency:
    """In how many chunks a term is, and their mean length. A close estimate beyond `COUNTED`."""

    chunks: int
    mean_length: float


@dataclass(frozen=True)
class Terms:
    """
    A question as BM25 sees it: every form that some chunk holds, with the weight of its word.

    `most` is the score of a chunk that holds every word of the question endlessly often.
    """

    idf: dict[str, float]
    rare: list[str]
    mean_length: float
    most: float


def add(conn: Connection, rows: Sequence[tuple[ChunkId, str, str | None]]) -> None:
    """
    Write the postings of new chunks, whose rows are there already.

    The title of the document and the heading above a chunk count as in it, once each, but not
    towards its length: a question often names what the text itself only calls "we".

    :param rows: Chunk, its text, and the language of the text (ISO 639-1; None: unknown).
    """
    context = {
        row[0]: f"{row[1]}\n{row[2] or ''}"
        for row in conn.execute(
            "select c.id, d.title, c.heading from chunk c join document d on d.id = c.document_id"
            " where c.id = any(%s)",
            ([chunk_id for chunk_id, _, _ in rows],),
        )
    }
    with (
        conn.cursor() as cursor,
        cursor.copy("copy posting (chunk_id, tf, length, term) from stdin (format binary)") as copy,
    ):
        copy.set_types(["int8", "int2", "int2", "text"])
        for chunk_id, text, language in rows:
            held = terms(text, language)
            length = min(len(held), LARGEST_SMALLINT)
            counts = Counter(held)
            counts.update(set(terms(context[chunk_id], language)))
            counts[EVERY_CHUNK] = counts[_marker(language)] = 1
            for term, tf in counts.items():
                copy.write_row((chunk_id, min(tf, LARGEST_SMALLINT), length, term))


def languages(conn: Connection, *, most: int = 8) -> list[str]:
    """The languages that chunks were stemmed by, the most common first."""
    counts = frequencies(conn, [_marker(language) for language in STEMMERS])
    present = [language for language in STEMMERS if counts[_marker(language)].chunks]
    return sorted(present, key=lambda code: -counts[_marker(code)].chunks)[:most]


def frequencies(conn: Connection, wanted: Iterable[str]) -> dict[str, Frequency]:
    """How common each of these terms is; 0 chunks for one that no chunk holds."""
    rows = conn.execute(
        "select t.term, c.n, c.length, s.n, s.length"
        " from unnest(%(terms)s::text[]) t (term)"
        " cross join lateral (select count(*) n, avg(length)::float8 length from"
        "  (select p.length from posting p where p.term = t.term limit %(counted)s) x) c"
        " left join lateral (select count(*) n, avg(length)::float8 length from posting p"
        "  where p.term = t.term and p.chunk_id %% 64 = 0) s on c.n = %(counted)s",
        {"terms": list(wanted), "counted": COUNTED},
    )
    return {
        term: Frequency(n, length or 0.0)
        if sampled is None
        else Frequency(max(sampled * SAMPLE_STEP, n), sampled_length or length)
        for term, n, length, sampled, sampled_length in rows
    }


def question(conn: Connection, text: str) -> Terms:
    """The terms of a question and their weights now; words that no chunk holds weigh in `most`."""
    groups = question_terms(text, languages(conn), most=MOST_WORDS)
    counts = frequencies(conn, {EVERY_CHUNK, *(form for group in groups for form in group)})
    every = counts[EVERY_CHUNK]
    weights: dict[str, float] = {}
    rare: list[str] = []
    most, budget = 0.0, POSTINGS_READ
    holding = [(sum(counts[form].chunks for form in group), group) for group in groups]
    for chunks, group in sorted(holding, key=lambda row: row[0]):
        weight = idf(every.chunks, chunks)
        most += weight * (K1 + 1)
        held = [form for form in group if counts[form].chunks]
        weights.update(dict.fromkeys(held, weight))
        if held and (not rare or chunks <= budget):
            rare.extend(held)
            budget -= chunks
    return Terms(weights, rare, every.mean_length or 1.0, most)


def candidates(
    conn: Connection, asked: Terms, limit: int, *, scope: sql.Composable | None = None
) -> list[ChunkId]:
    """
    The chunks with the highest BM25 over the question's rarer terms.

    :param scope: A query of the chunk ids to stay within; None: all.
    """
    rows = conn.execute(
        _bm25(sql.SQL("p.chunk_id in ({})").format(scope) if scope else sql.SQL("true"))
        + sql.SQL(" order by 2 desc, 1 limit %(limit)s"),
        {**_parameters(asked, asked.rare), "limit": limit},
    )
    return [row[0] for row in rows]


def scores(conn: Connection, asked: Terms, chunk_ids: Sequence[ChunkId]) -> dict[ChunkId, float]:
    """BM25 over all terms, as a share of `most`, of those of these chunks that hold one."""
    rows = conn.execute(
        _bm25(sql.SQL("p.chunk_id = any(%(ids)s)")),
        {**_parameters(asked, list(asked.idf)), "ids": list(chunk_ids)},
    )
    return {chunk_id: score / asked.most for chunk_id, score in rows}


def _bm25(condition: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "select p.chunk_id, sum(t.idf * p.tf * ({k1} + 1)"
        " / (p.tf + {k1} * (1 - {b} + {b} * p.length / %(mean)s::float8))) score"
        " from unnest(%(terms)s::text[], %(idf)s::float8[]) t (term, idf)"
        " join posting p on p.term = t.term where {condition} group by p.chunk_id"
    ).format(k1=sql.Literal(K1), b=sql.Literal(B), condition=condition)


def _parameters(asked: Terms, wanted: Sequence[str]) -> dict[str, object]:
    return {
        "terms": list(wanted),
        "idf": [asked.idf[term] for term in wanted],
        "mean": asked.mean_length,
    }


def _marker(language: str | None) -> str:
    return f"@{language}" if language in STEMMERS else "@"
