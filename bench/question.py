"""
The way of a question at 100,000 windows: retrieval against its bare SQL, and what the pipelines add.

Passages of a public documentation set are written into an empty database as one window each; every
fiftieth is embedded, the others take a vector near that of their neighbour, which costs a search as
much as its own would. Questions are the titles of pages.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from app.wiring import Services
from bench.scratch import scratch
from pipelines import calibrate
from pipelines.handle import SearchHandle
from pipelines.reply import Done
from pipelines.store import chunks, documents, indexes, search
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Connection

SCALE = Path(__file__).resolve().parents[2] / "shared/data/scale"
WINDOWS = 100_000
EMBEDDED_EVERY = 50
WRITTEN_AT_ONCE = 5_000
QUESTIONS = 200
ASKED = 60
TOP_K = 10


def rows() -> list[dict[str, Any]]:
    """Latencies and ratios; none where the passages are absent."""
    if not SCALE.is_dir():
        return []
    titles = list(json.loads((SCALE / "title_queries.json").read_text())["queries"].values())
    with scratch() as services:
        handle = services.replica.current()
        with services.pool.connection() as conn:
            _load(conn, handle)
        with services.pool.connection() as conn:
            conn.autocommit = True
            indexes.build_hnsw(conn, handle.index_id, memory_mb=1024, workers=2)
            for name in ("chunk", "text_window", "posting", f"emb_{int(handle.index_id)}"):
                conn.execute(sql.SQL("vacuum (analyze) {}").format(sql.Identifier(name)))
            conn.autocommit = False
        with services.pool.connection() as conn:
            calibrate.refresh(conn, handle)
        vectors = handle.encoder.encode_queries(titles[:QUESTIONS])
        asked = list(zip(titles[:QUESTIONS], vectors, strict=True))
        whole, bare = _against_sql(services, handle, asked)
        retrieval, question = _overheads(services, handle, titles[:ASKED])
    size = f"{WINDOWS} windows, {QUESTIONS} questions, 2 cores or what there is"
    return [
        _row("retrieval p50 over bare SQL", _median(whole) / _median(bare), "x", 1.3,
             f"{size}: {_median(whole):.1f} against {_median(bare):.1f} ms, in turn"),
        _row("retrieval p50, embedding excluded", _median(whole), "ms", 12, size),
        _row("retrieval p95, embedding excluded", float(np.quantile(whole, 0.95)), "ms", 60, size),
        _row("retrieval pipeline over embed and SQL, p50", retrieval, "ms", 3, f"{ASKED} questions"),
        _row("whole question over embed, SQL and extraction, p50", question, "ms", 3,
             f"{ASKED} questions, answered with extracts"),
    ]  # fmt: skip


def _load(conn: Connection, handle: SearchHandle) -> None:
    """Every window a chunk of its own; the graph is built afterwards."""
    conn.execute(
        sql.SQL("drop index {}").format(sql.Identifier(indexes.hnsw_name(handle.index_id)))
    )
    texts = _passages()
    vectors = _vectors(handle, texts)
    for start in range(0, len(texts), WRITTEN_AT_ONCE):
        part = slice(start, start + WRITTEN_AT_ONCE)
        new = [
            NewChunk(text, None, None, 0, len(text), "en", [(0, len(text))]) for text in texts[part]
        ]
        with conn.transaction():
            source = f"passages {start}"
            document_id = documents.begin(
                conn, source=source, title=source, sha256=chunks.digest(source), mime="text/plain",
                content=b"", collection="default",
            )  # fmt: skip
            chunks.write(conn, document_id, handle.index_id, handle.rule_id, new, vectors[part])
            documents.finish(conn, document_id, language="en", pages=None, warnings=[])


def _passages() -> list[str]:
    """Half passages: about a window long."""
    found: list[str] = []
    with gzip.open(SCALE / "passages.jsonl.gz", "rt") as lines:
        for line in lines:
            text = json.loads(line)["text"]
            middle = text.find(" ", len(text) // 2)
            found += [text[:middle], text[middle + 1 :]] if middle > 0 else [text]
            if len(found) >= WINDOWS:
                break
    return found[:WINDOWS]


def _vectors(handle: SearchHandle, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    real = handle.encoder.encode_documents(list(islice(texts, 0, None, EMBEDDED_EVERY)))
    near = np.repeat(real, EMBEDDED_EVERY, axis=0)[: len(texts)]
    noise = np.random.default_rng(0).normal(size=near.shape) / np.sqrt(near.shape[1])
    noise[::EMBEDDED_EVERY] = 0
    near = near + 0.5 * noise
    return np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), dtype=np.float32)


def _against_sql(
    services: Services, handle: SearchHandle, asked: Sequence[tuple[str, Any]]
) -> tuple[list[float], list[float]]:
    """Milliseconds of each retrieval, and of its own statements sent again by themselves."""
    whole, bare = [], []
    with services.pool.connection() as conn:
        for question, vector in [*asked[:10], *asked]:
            with _recorded(conn) as statements:
                search.hybrid(conn, handle, question, vector, TOP_K)
            whole.append(_ms(partial(search.hybrid, conn, handle, question, vector, TOP_K)))
            bare.append(_ms(partial(_replay, conn, statements)))
    return whole[10:], bare[10:]


@contextmanager
def _recorded(conn: Connection) -> Any:
    """The statements that go through the connection meanwhile."""
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
    """Milliseconds that the pipelines add: to a retrieval, and to a whole question."""
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


def _row(name: str, value: float, unit: str, goal: float, how: str) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "better": "lower",
        "how": how,
    }
