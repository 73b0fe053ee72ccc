"""
A version's vectors of all live windows, made beside the version that serves.

Work is whatever `store/gaps` finds missing, so a build can be stopped anywhere, go on, and be
shared by several workers; documents that come and go meanwhile need no bookkeeping.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import DiskFull, QueryCanceled

from pipelines.errors import BusyError, InputError
from pipelines.progress import NO_TASK, Progress, Stopped, Task
from pipelines.search import threshold
from pipelines.search.handle import SearchHandle
from pipelines.store import active, chunks, db, gaps, graphs, indexes, models
from pipelines.store.db import Connection, Pool
from pipelines.store.gaps import Lacking
from pipelines.store.ids import IndexId
from pipelines.store.indexes import SearchIndex
from pipelines.store.models import Model
from pipelines.text import windows
from pipelines.text.windows import WindowRule

# Windows per round: seconds of embedding, so that little is lost and a stop is heard soon.
BATCH = 512
CUT_BATCH = 256
# What may be embedded while writers wait: as long as this at the rate seen last, and a few windows
# at least, a fraction of a second on a CPU.
TAIL_S = 0.15
LEAST_TAIL = 32
# Share of the window rate that older measurements keep in the estimate of what is left.
SMOOTHING = 0.8
BUILD_MEMORY_MB = (64, 2048)
BUILD_WORKERS = 2
STOP_EVERY_S = 0.5

log = logging.getLogger(__name__)


def create(
    conn: Connection,
    model: Model,
    tokenizer: str,
    *,
    coded: bool = False,
    again: bool = False,
    lexical_weight: float | None = None,
    size: int | None = None,
    stride: int | None = None,
) -> IndexId:
    """
    The index of a model that is to be built. A new one is created unless there is one already.

    What is neither given nor a rule of the model is taken over from the index that serves.

    :param tokenizer: Fingerprint of the model's.
    :param coded: Whether a new index has codes of tokens (`loading.makes_codes`).
    :param again: A new index even if one is ready, which goes on as it is meanwhile.
    """
    with conn.transaction():
        # Two builds of one model that start at once share one index.
        models.lock(conn, model.id)
        found = indexes.of_model(conn, model.id)
        kept = ("building",) if again else ("building", "ready")
        if found is not None and found.status in kept:
            return found.id
        serving = active.serving(conn).index
        rule = indexes.rule(conn, serving.rule_id)
        wanted = WindowRule(size or rule.size_tokens, stride or rule.stride_tokens, tokenizer)
        if wanted.stride_tokens > wanted.size_tokens:
            raise InputError("The window stride is larger than the window.")
        return indexes.add(
            conn,
            model.id,
            indexes.rule_id(conn, wanted),
            dimension=model.dimension,
            lexical_weight=_share(model, serving) if lexical_weight is None else lexical_weight,
            vectors_of=_lender(conn, model, wanted),
            coded=coded,
        )


def _share(model: Model, serving: SearchIndex) -> float:
    """BM25's share in the score: what training found to suit the model, or what serves now."""
    return float(model.settings.get("lexical_weight", serving.lexical_weight))


def _lender(conn: Connection, model: Model, rule: WindowRule) -> IndexId | None:
    """
    The index whose vectors the model can search as they are: its parent's, when tuning changed
    only how questions are embedded.
    """
    if not _query_only(model) or model.parent_id is None:
        return None
    parent = indexes.of_model(conn, model.parent_id)
    if parent is None or parent.status != "ready" or indexes.rule(conn, parent.rule_id) != rule:
        return None
    return parent.vectors_id


def may_borrow(conn: Connection, model: Model) -> bool:
    """Whether a model that has no index yet is likely to search its parent's vectors as they are."""
    if not _query_only(model) or model.parent_id is None:
        return False
    parent = indexes.of_model(conn, model.parent_id)
    return parent is not None and parent.status == "ready"


def _query_only(model: Model) -> bool:
    """Whether tuning changed only how questions are embedded."""
    return model.kind == "query" or (
        model.kind == "adapter" and model.settings.get("adapter_sides") == "query"
    )


def build(pool: Pool, handle: SearchHandle, task: Task = NO_TASK) -> None:
    """
    Make an index complete and ready: vectors, then the HNSW index, then what came in meanwhile.

    :raises Stopped: The task was asked to stop; another call goes on from there.
    :raises ConflictError: Another process finishes the same build.
    """
    fill(pool, handle, task)
    task.tell(Progress("graph"))
    finish(pool, handle.vectors_id, task)
    fill(pool, handle, task)
    with pool.connection() as conn:
        threshold.refresh(conn, handle)
        index = indexes.get(conn, handle.index_id)
        if index is not None and index.status == "building":
            indexes.mark(conn, handle.index_id, "ready")
    task.tell(Progress("ready"))


def fill(pool: Pool, handle: SearchHandle, task: Task = NO_TASK) -> int:
    """
    Add what an index lacks, and remove what it should not have.

    Several processes may do so at once. What is added during the last round is left to the next
    call: where documents are added without a pause there would be no end.

    :returns: The number of vectors added.
    :raises Stopped: The task was asked to stop.
    """
    added = 0
    meter: _Meter | None = None
    while True:
        task.check()
        with pool.connection() as conn:
            cut = _cut(conn, handle)
            batch = _claim(conn, handle)
            if meter is None:
                meter = _Meter(gaps.measure(conn, handle.vectors_id, handle.rule_id).windows)
        if batch:
            new = _embed(pool, handle, batch)
            added += new
            task.tell(meter.after(new))
        if cut < CUT_BATCH and len(batch) < BATCH:
            break
    with pool.connection() as conn:
        gaps.remove_orphans(conn, handle.vectors_id, handle.rule_id)
    return added


def catch_up(pool: Pool, handle: SearchHandle) -> float:
    """
    Add the latest windows, in one short round.

    `fill` counts, claims for several workers and clears away. With many windows that takes longer
    than new documents need to come in.

    :returns: Windows embedded and stored per second of doing so.
    """
    with pool.connection() as conn:
        _cut(conn, handle)
        batch = gaps.lacking(conn, handle.vectors_id, handle.rule_id, BATCH)
    began = time.monotonic()
    # A coarse clock may say that nothing took no time.
    return _embed(pool, handle, batch) / max(time.monotonic() - began, 1e-6)


def fill_tail(conn: Connection, handle: SearchHandle, rate: float) -> bool:
    """
    Add what came in last, in the caller's transaction, which writers wait for, and remove what is
    left over: whether the index is complete then. Nothing if it is more than they should wait for.

    :param rate: Windows per second that `catch_up` made.
    """
    most = max(LEAST_TAIL, round(TAIL_S * rate))
    if _cut(conn, handle) == CUT_BATCH:
        return False  # there may be more
    batch = gaps.lacking(conn, handle.vectors_id, handle.rule_id, most + 1)
    if len(batch) > most:
        return False
    if batch:
        made = handle.embed([window.text for window in batch])
        if gaps.add_vectors(conn, handle.vectors_id, batch, made.vectors, made.codes) < len(batch):
            return False  # another process is at some of them
    gaps.remove_orphans(conn, handle.vectors_id, handle.rule_id)
    return True


def _embed(pool: Pool, handle: SearchHandle, batch: list[Lacking]) -> int:
    """
    Embed some windows, holding no connection meanwhile, and store their vectors.

    :returns: How many were new.
    """
    if not batch:
        return 0
    made = handle.embed([window.text for window in batch])
    with pool.connection() as conn:
        return gaps.add_vectors(conn, handle.vectors_id, batch, made.vectors, made.codes)


def _claim(conn: Connection, handle: SearchHandle) -> list[Lacking]:
    """Some windows to embed, from a random place, so that workers seldom do the same ones."""
    start = random.randint(0, gaps.last_window(conn))
    found = gaps.lacking(conn, handle.vectors_id, handle.rule_id, BATCH, start=start)
    if len(found) < BATCH:
        found = gaps.lacking(conn, handle.vectors_id, handle.rule_id, BATCH)
    return found


def _cut(conn: Connection, handle: SearchHandle) -> int:
    """
    Cut windows for some chunks that have none of the handle's rule.

    :returns: The number of chunks.
    """
    found = gaps.uncut(conn, handle.rule_id, CUT_BATCH)
    if not found:
        return 0
    offsets = handle.encoder.token_offsets([text for _, text in found])
    cut = []
    for (chunk_id, text), spans in zip(found, offsets, strict=True):
        # A text of which the tokenizer makes nothing still counts as one window.
        for a, b in windows.cut(spans, handle.size_tokens, handle.stride_tokens) or [
            (0, len(text))
        ]:
            cut.append((chunk_id, a, b, chunks.digest(text[a:b])))
    gaps.add_windows(conn, handle.rule_id, cut)
    return len(found)


def finish(pool: Pool, index_id: IndexId, task: Task = NO_TASK) -> None:
    """
    Build the HNSW index over the vectors that are loaded, unless there is a valid one.

    :param index_id: Of the vectors.
    :raises Stopped: The task was asked to stop; the next call starts from the beginning.
    :raises BusyError: Another process is at it.
    """
    with pool.connection() as conn:
        if graphs.hnsw_is_valid(conn, index_id):
            return
        need = graphs.graph_bytes(conn, index_id) * 3 // 2
    memory_mb = min(max(need // 2**20, BUILD_MEMORY_MB[0]), BUILD_MEMORY_MB[1])
    with (
        _graph_lock(pool, index_id),
        _autocommit(pool) as conn,
        cancelled_with(task, conn),
    ):
        try:
            graphs.build_hnsw(conn, index_id, memory_mb=memory_mb, workers=BUILD_WORKERS)
        except DiskFull:
            # Parallel workers share memory through /dev/shm, which containers keep small.
            log.warning("building the graph without parallel workers: /dev/shm is too small")
            graphs.build_hnsw(conn, index_id, memory_mb=memory_mb, workers=0)
        gaps.analyze(conn, index_id)


def settle(pool: Pool, index_id: IndexId, task: Task = NO_TASK) -> None:
    """
    After many writes, what autovacuum would come to within minutes, beside the first questions.

    :raises Stopped: The task was asked to stop.
    """
    with _autocommit(pool) as conn, cancelled_with(task, conn):
        gaps.analyze(conn, index_id)


@contextmanager
def _graph_lock(pool: Pool, index_id: IndexId) -> Iterator[None]:
    """One at a time. The lock is of a transaction that holds no snapshot: no build waits for it."""
    with pool.connection() as conn, conn.transaction():
        if not graphs.try_lock_build(conn, index_id):
            raise BusyError("Another process builds this version's graph.")
        yield


@contextmanager
def _autocommit(pool: Pool) -> Iterator[Connection]:
    """A connection for statements that must not be in a transaction, its settings reset after."""
    if pool.direct:  # behind a pooler, settings of a session reach the statements of others
        with db.connect_alone(pool) as conn:
            yield conn
        return
    with pool.connection() as conn:
        conn.autocommit = True
        try:
            yield conn
        finally:
            if not conn.broken:
                db.reset(conn)
                conn.autocommit = False


@contextmanager
def cancelled_with(task: Task, conn: Connection) -> Iterator[None]:
    """
    Cancel a statement that takes minutes within a second of the task's being stopped.

    :raises Stopped: It was.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(STOP_EVERY_S):
            if task.is_stopping():
                conn.cancel_safe(timeout=5)

    watching = threading.Thread(target=watch, daemon=True, name="stop")
    watching.start()
    try:
        yield
    except QueryCanceled:
        raise Stopped from None
    finally:
        ended.set()
        watching.join()


class _Meter:
    """Windows per second so far, and the time left."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._rate: float | None = None
        self._last = time.monotonic()

    def after(self, new: int) -> Progress:
        """Where it stands after `new` more windows."""
        now = time.monotonic()
        rate = new / max(now - self._last, 1e-6)
        self._last = now
        self._done += new
        self._total = max(self._total, self._done)
        if self._rate is not None:
            rate = SMOOTHING * self._rate + (1 - SMOOTHING) * rate
        self._rate = rate
        left = (self._total - self._done) / rate if rate else None
        return Progress("embedding", self._done, self._total, rate, left)
