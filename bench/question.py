"""
A question at 100,000 windows: retrieval compared with its bare SQL, the overhead of the pipelines,
and the recall of the vector side within a filter.

Recall without a filter is measured in `bench/scale` on real vectors, because a graph works less
well on synthetic ones. Passages are those of a public documentation set (see `bench.corpus`).
Questions are the titles of pages.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any

import numpy as np
import psycopg
from pgvector import HalfVector
from psycopg import sql

from app.services import Services
from bench import corpus
from bench.scratch import scratch
from pipelines.answering.events import Done
from pipelines.search import hybrid
from pipelines.search.handle import SearchHandle
from pipelines.store import indexes, scope
from pipelines.store.db import Connection
from pipelines.store.scope import Choice, Within
from pipelines.text.scoring.late import QueryTokens

WINDOWS = 100_000
QUESTIONS = 200
ASKED = 60
COMPARED = 100
TOP_K = 10
# Cosines that differ by less count as equal.
SAME = 1e-6

# Question, vector, tokens.
Asked = Sequence[tuple[str, Any, QueryTokens | None]]


def rows() -> list[dict[str, Any]]:
    """Latencies, ratios and recall. No rows without the passages."""
    if not corpus.SCALE.is_dir():
        return []
    titles = corpus.titles()
    with scratch() as services:
        handle = corpus.filled(services, WINDOWS)
        asked = read(handle, titles[:QUESTIONS])
        plain, bare = _against_sql(services, handle, asked)
        with services.pool.connection() as conn:
            whole = times(conn, handle, asked)
            filtered = times(conn, handle, asked, [corpus.HUNDREDTH])
            within = recall(conn, handle, asked[:COMPARED], [corpus.HUNDREDTH])
            one = _one_document(conn)
            single = times(conn, handle, asked, one)
            of_one = recall(conn, handle, asked[:COMPARED], one)
        retrieval, question = _overheads(services, handle, titles[:ASKED])
    size = f"{WINDOWS} windows, {QUESTIONS} questions"
    compared = f"{WINDOWS} windows, {COMPARED} questions, against comparing all"
    return [
        _row("retrieval p50 without late interaction over bare SQL",
             _median(plain) / _median(bare), "x", 1.3,
             f"{size}: {_median(plain):.1f} against {_median(bare):.1f} ms, in turn"),
        _row("retrieval p50, embedding excluded", _median(whole), "ms", 30, size),
        _row("retrieval p95, embedding excluded", quantile(whole, 0.95), "ms", 60, size),
        _row("retrieval p50 without late interaction", _median(plain), "ms", 12, size),
        _row("retrieval p95 without late interaction", quantile(plain, 0.95), "ms", 30, size),
        _row("retrieval p95 within a hundredth of the documents", quantile(filtered, 0.95), "ms",
             60, size),
        _row("recall@10 within a hundredth of the documents", within, "", 0.98, compared,
             "higher"),
        _row("retrieval p95 within one document", quantile(single, 0.95), "ms", 30,
             f"{size}, a document of {corpus.DOCUMENT} windows"),
        _row("recall@10 within one document", of_one, "", 0.98, compared, "higher"),
        _row("retrieval pipeline over embed and SQL, p50", retrieval, "ms", 3, f"{ASKED} questions"),
        _row("whole question over embed, SQL and extraction, p50", question, "ms", 3,
             f"{ASKED} questions, answered with extracts"),
    ]  # fmt: skip


def _one_document(conn: Connection) -> Within:
    """The choice of one document, in the middle of all."""
    row = conn.execute(
        "select id, collection from document order by id offset %s limit 1",
        (WINDOWS // corpus.DOCUMENT // 2,),
    ).fetchone()
    assert row is not None
    return scope.narrow([row[1]], Choice(documents=(row[0],)))


def read(handle: SearchHandle, questions: Sequence[str]) -> Asked:
    """The questions as the version embeds them."""
    return [
        (text, vector, tokens)
        for text, (vector, tokens) in zip(questions, handle.read_all(questions), strict=True)
    ]


def times(
    conn: Connection, handle: SearchHandle, asked: Asked, collections: Within | None = None
) -> list[float]:
    """Milliseconds of each retrieval, after ten questions to warm up."""
    spent = [
        _ms(
            partial(
                hybrid.hybrid,
                conn,
                handle,
                question,
                vector,
                TOP_K,
                tokens=tokens,
                collections=collections,
            )
        )
        for question, vector, tokens in [*asked[:10], *asked]
    ]
    return spent[10:]


def recall(
    conn: Connection, handle: SearchHandle, asked: Asked, collections: Within | None
) -> float:
    """
    The share of ten windows found by the vector side alone that are truly among the nearest ten.

    Windows as near as the tenth count too, because some passages occur twice.
    """
    shares = []
    for question, vector, *_ in asked:
        hits = hybrid.hybrid(
            conn, handle, question, vector, TOP_K, collections=collections, mode="dense"
        )
        nearest = _cosines(conn, handle, vector, collections)
        near = [hit for hit in hits if hit.dense >= min(nearest) - SAME]
        shares.append(len(near) / len(nearest))
    return statistics.mean(shares)


def _cosines(
    conn: Connection, handle: SearchHandle, vector: Any, collections: Within | None
) -> list[float]:
    """The cosines of the nearest chunks, by comparing all windows."""
    condition = sql.SQL("true")
    if collections is not None:
        condition = scope.selected(collections).condition()
    with conn.transaction():
        conn.execute("set local enable_indexscan = off")
        rows = conn.execute(
            sql.SQL(
                "select max(1 - (e.v <=> %(v)b)) cosine from {} e"
                " join text_window w on w.id = e.window_id join chunk c on c.id = w.chunk_id"
                " join document d on d.id = c.document_id"
                " where {} group by c.id order by cosine desc limit %(limit)s"
            ).format(indexes.table(handle.vectors_id), condition),
            {"v": HalfVector(vector), "limit": TOP_K},
        )
        return [row[0] for row in rows]


def _against_sql(
    services: Services, handle: SearchHandle, asked: Asked
) -> tuple[list[float], list[float]]:
    """Milliseconds of each retrieval without late interaction, and of its SQL statements alone."""
    whole, bare = [], []
    with services.pool.connection() as conn:
        for question, vector, _ in [*asked[:10], *asked]:
            search = partial(hybrid.hybrid, conn, handle, question, vector, TOP_K)
            with _recorded(conn) as statements:
                search()
            whole.append(_ms(search))
            bare.append(_ms(partial(_replay, conn, statements)))
    return whole[10:], bare[10:]


@contextmanager
def _recorded(conn: Connection) -> Any:
    """Record the statements that go through the connection meanwhile."""
    statements: list[tuple[Any, Any]] = []

    class Recording(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            statements.append((query, params))
            return super().execute(query, params, **options)

    before = conn.cursor_factory
    conn.cursor_factory = Recording
    try:
        yield statements
    finally:
        conn.cursor_factory = before


def _replay(conn: Connection, statements: Sequence[tuple[Any, Any]]) -> None:
    with conn.transaction():
        for query, params in statements:
            cursor = conn.execute(query, params)
            if cursor.description is not None:
                cursor.fetchall()


def _overheads(
    services: Services, handle: SearchHandle, questions: Sequence[str]
) -> tuple[float, float]:
    """Milliseconds that the pipelines add to a retrieval, and to a whole question."""
    answerer = services.answerer
    answerer.warm()

    async def ask(question: str) -> dict[str, float]:
        async with aclosing(answerer.stream(question, handle=handle)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return dict(event.answer.timings_ms)
        raise AssertionError("the stream ended without an answer")

    async def ask_all() -> list[dict[str, float]]:
        return [await ask(question) for question in questions]

    retrieval, whole = [], []
    for question in questions:
        started = time.perf_counter()
        found = answerer.search(question, handle)
        spent = (time.perf_counter() - started) * 1e3
        retrieval.append(spent - found.embed_ms - found.search_ms)
    for ms in asyncio.run(ask_all()):
        whole.append(ms["total"] - ms["embed"] - ms["sql"] - ms.get("answer", 0.0))
    return _median(retrieval), _median(whole)


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return float(np.quantile(values, share))


def _row(
    name: str, value: float, unit: str, goal: float, how: str, better: str = "lower"
) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "better": better,
        "how": how,
    }
