"""
Measures how long a switch blocks writers at many windows, with synthetic vectors and real
transactions.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
from psycopg import sql

from pipelines.embedder.encoder import Vectors
from pipelines.search.handle import SearchHandle
from pipelines.store import active, chunks, documents, gaps, graphs, indexes, models
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import IndexId
from pipelines.versions import switch
from tests.chaos.check import quantile

DIMENSIONS = (32, 48)
CHUNKS_A_DOCUMENT = 1000
# Together about as many windows per second as the bundled embedder can embed on two cores.
WRITE_EVERY_S = 0.05
WINDOWS_A_WRITE = 5


@dataclass(frozen=True)
class AtScale:
    """
    For each switch the longest wait of a writer and the duration of the switch, in seconds.

    `rate` is the number of windows written per second meanwhile.
    """

    windows: int
    pauses_s: list[float]
    switches_s: list[float]
    rate: float
    incomplete: int


class Synthetic:
    """An encoder with meaningless vectors."""

    tokenizer = "synthetic"

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._dice = np.random.default_rng(dimension)

    def encode_documents(self, texts: list[str]) -> Vectors:
        rows = self._dice.normal(size=(len(texts), self.dimension)).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    encode_queries = encode_documents

    def token_offsets(self, texts: list[str]) -> list[np.ndarray]:
        raise AssertionError("its windows are cut already")

    def token_ids(self, texts: list[str]) -> list[np.ndarray]:
        raise AssertionError("it has no vocabulary")

    def reading(self, text: str) -> None:
        """Not known: it reads nothing."""


def measure(pool: Pool, windows: int, switches: int) -> AtScale:
    """Switch back and forth between two complete versions while two writers write."""
    with pool.connection() as conn:
        handles = _load(conn, windows)
    for handle in handles:
        with pool.connection() as conn:
            conn.autocommit = True
            graphs.build_hnsw(conn, handle.index_id, memory_mb=256, workers=2)
            gaps.analyze(conn, handle.index_id)
            conn.autocommit = False
    return _switch_beside_writers(pool, handles, windows, switches)


def _load(conn: Connection, windows: int) -> list[SearchHandle]:
    """Write one window per chunk, in two versions."""
    found = active.get(conn)
    assert found is not None
    serving = indexes.get(conn, found.index_id)
    assert serving is not None
    conn.execute(
        "insert into document (source, title, sha256, mime, size_bytes, status)"
        " select 'many ' || n, 'many ' || n, md5(n::text), 'text/plain', 1, 'indexed'"
        " from generate_series(1, %s) n",
        (-(-windows // CHUNKS_A_DOCUMENT),),
    )
    conn.execute(
        "with d as (select id, row_number() over (order by id) - 1 n from document"
        " where source like 'many %%'), made as (insert into chunk (document_id, ordinal, text,"
        " sha256, char_start, char_end) select d.id, i %% %s, 'passage number ' || i,"
        " md5(i::text), 0, 20 from generate_series(0, %s - 1) i join d on d.n = i / %s"
        " returning id, sha256) insert into text_window (chunk_id, rule_id, char_start, char_end,"
        " sha256) select id, %s, 0, 15, sha256 from made",
        (CHUNKS_A_DOCUMENT, windows, CHUNKS_A_DOCUMENT, serving.rule_id),
    )
    made = []
    for dimension in DIMENSIONS:
        model_id = models.add(
            conn, name=f"wide{dimension}", base="synthetic", kind="full", dimension=dimension
        )
        index_id = indexes.add(
            conn, model_id, serving.rule_id, dimension=dimension, lexical_weight=0.5
        )
        # A few thousand random vectors, repeated: a graph is built over them all the same.
        conn.execute(
            sql.SQL(
                "insert into {} select w.id, w.sha256, (select array_agg(random() - 0.5)"
                " from generate_series(1, {}) g where w.id is not null)::real[]::vector::halfvec"
                " from text_window w"
            ).format(indexes.table(index_id), sql.Literal(dimension))
        )
        indexes.mark(conn, index_id, "ready")
        made.append(_handle(index_id, dimension, serving))
    return made


def _handle(index_id: IndexId, dimension: int, serving: indexes.SearchIndex) -> SearchHandle:
    return SearchHandle(
        0, index_id, serving.model_id, f"wide{dimension}", serving.rule_id, 48, 36, 0.5, None,
        Synthetic(dimension),
    )  # fmt: skip


def _switch_beside_writers(
    pool: Pool, handles: list[SearchHandle], windows: int, switches: int
) -> AtScale:
    by_id = {handle.index_id: handle for handle in handles}
    stopping = threading.Event()
    waits: list[tuple[float, float]] = []
    # Both must have served once before writers can write for them.
    _switch(pool, handles[0])
    threads = [
        threading.Thread(target=_write, args=(pool, by_id, stopping, waits, n)) for n in range(2)
    ]
    [thread.start() for thread in threads]
    pauses, took = [], []
    incomplete = 0
    started = time.monotonic()
    try:
        for n in range(switches):
            time.sleep(0.25)
            began = time.monotonic()
            _switch(pool, handles[(n + 1) % 2])
            ended = time.monotonic()
            took.append(ended - began)
            with pool.connection() as conn:
                handle = handles[(n + 1) % 2]
                incomplete += gaps.exists(conn, handle.index_id, handle.rule_id)
            time.sleep(0.05)
            pauses.append(
                max(
                    (wait for at, wait in waits if began - 1.5 < at <= ended and at + wait > began),
                    default=0.0,
                )
            )
    finally:
        stopping.set()
        [thread.join() for thread in threads]
    rate = len(waits) * WINDOWS_A_WRITE / (time.monotonic() - started)
    return AtScale(windows, pauses, took, rate, incomplete)


def _switch(pool: Pool, handle: SearchHandle) -> None:
    """Run the transaction of a promotion after catching up, without proof and replicas."""
    with pool.connection() as conn:
        pointer = active.get(conn)
        assert pointer is not None
    switch.roll_back(pool, handle, pointer.epoch, "scale")


def _write(
    pool: Pool,
    handles: dict[IndexId, SearchHandle],
    stopping: threading.Event,
    waits: list[tuple[float, float]],
    number: int,
) -> None:
    """Write documents for the serving version one after another, and note how long each waited."""
    count = 0
    while not stopping.wait(WRITE_EVERY_S):
        count += 1
        source = f"scale writer {number} {count}"
        new = [
            NewChunk(f"{source} {n}", None, None, 0, 30, "en", [(0, 12)])
            for n in range(WINDOWS_A_WRITE)
        ]
        with pool.connection() as conn, conn.transaction():
            asked = time.monotonic()
            chunks.lock_for_writing(conn)
            waits.append((asked, time.monotonic() - asked))
            pointer = active.get(conn)
            assert pointer is not None
            handle = handles[pointer.index_id]
            vectors = handle.encoder.encode_documents([chunk.text for chunk in new])
            document_id = documents.begin(
                conn, source=source, title=source, sha256=chunks.digest(source), mime="text/plain",
                content=b"", collection="default",
            )  # fmt: skip
            documents.finish(conn, document_id, language="en", pages=None, warnings=[])
            chunks.write(conn, document_id, handle.vectors_id, handle.rule_id, new, vectors)


def summary(found: AtScale) -> tuple[float, float]:
    """The writers' pause (p95, milliseconds) and the longest switch (seconds)."""
    return quantile(found.pauses_s, 0.95) * 1e3, max(found.switches_s)
