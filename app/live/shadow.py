"""
Lets candidates answer live questions silently, after the visitor has the answer.

A question is queued without waiting, and dropped if the queue is full. A fault of a candidate ends
here. It is counted and shown in the candidate's comparison.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolTimeout

from app.live import metrics
from app.live.replica import Replica
from pipelines.answering.answer import Answerer
from pipelines.answering.events import Answer
from pipelines.errors import AttuneError
from pipelines.search.handle import SearchHandle
from pipelines.store import shadows
from pipelines.store.db import Pool
from pipelines.store.ids import ChunkId, MessageId
from pipelines.store.scope import Within

# Length of the queue. More questions are dropped.
QUEUED = 16
# Number of a candidate's hits that are compared with the passages an answer cited.
DEPTH = 20
# Live questions come first, so a pool that is busy for longer is left alone.
POOL_WAIT_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShadowQuestion:
    """An answered question to ask candidates too."""

    question: str
    message_id: MessageId
    epoch: int
    shown: list[ChunkId]
    collections: Within | None


class Shadow:
    """Asks candidates in a thread that starts with the first question."""

    def __init__(
        self,
        pool: Pool,
        replica: Replica,
        answerer: Answerer,
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._pool, self._replica, self._answerer, self._draw = pool, replica, answerer, draw
        self._waiting: queue.Queue[ShadowQuestion | None] = queue.Queue(QUEUED)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def offer(
        self, answer: Answer, message_id: MessageId, collections: Within | None = None
    ) -> None:
        """
        Have candidates answer this question soon. Returns at once.

        :param collections: What the visitor's question was searched in.
        """
        if not answer.passages:
            return
        shown = [hit.chunk_id for hit in answer.passages]
        asked = ShadowQuestion(answer.question, message_id, answer.epoch, shown, collections)
        try:
            self._waiting.put_nowait(asked)
        except queue.Full:
            metrics.shadow_dropped.inc()
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
                self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether candidates were asked every question that was offered."""
        return self._waiting.unfinished_tasks == 0

    def stop(self) -> None:
        """End after the running question. Queued ones are dropped."""
        while True:
            try:
                self._waiting.get_nowait()
                self._waiting.task_done()
            except queue.Empty:
                break
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(5)

    def _run(self) -> None:
        while (asked := self._waiting.get()) is not None:
            try:
                self._ask_all(asked)
            except (psycopg.OperationalError, PoolTimeout) as error:
                metrics.shadow_dropped.inc()
                log.debug("shadow: %s", error)
            except Exception:
                metrics.shadow_dropped.inc()
                log.exception("shadow: an unexpected fault")
            finally:
                self._waiting.task_done()

    def _ask_all(self, asked: ShadowQuestion) -> None:
        with self._pool.connection(timeout=POOL_WAIT_S) as conn:
            candidates = shadows.shadowing(conn)
        for candidate in candidates:
            handle = self._replica.held(candidate.index_id)
            serves = candidate.index_id == self._replica.answering().index_id
            # A candidate that is not loaded yet, or was promoted meanwhile, is not compared.
            if handle is not None and not serves and self._draw() < candidate.share:
                self._ask(handle, asked)

    def _ask(self, handle: SearchHandle, asked: ShadowQuestion) -> None:
        hits: list[ChunkId] = []
        took_ms, fault = 0.0, None
        try:
            result = self._answerer.search(
                asked.question,
                handle,
                top_k=max(DEPTH, len(asked.shown)),
                collections=asked.collections,
            )
            hits = [hit.chunk_id for hit in result.hits]
            took_ms = result.embed_ms + result.search_ms
        except PoolTimeout:
            raise
        except Exception as error:
            is_known = isinstance(error, AttuneError)
            fault = str(error) if is_known else f"{type(error).__name__}: {error}"
            metrics.shadow_faults.inc()
            log.warning("shadow: version %s failed: %s", handle.model_name, fault)
        with self._pool.connection(timeout=POOL_WAIT_S) as conn:
            shadows.add(
                conn,
                index_id=handle.index_id,
                epoch=asked.epoch,
                message_id=asked.message_id,
                shown=asked.shown,
                candidate=hits,
                took_ms=took_ms,
                fault=fault,
            )
        metrics.shadow_questions.inc()
