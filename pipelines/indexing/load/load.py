"""
One load of files: which of their rows stand as being indexed, how long each took, how far it is.

A load that is cut off, by Ctrl-C or a stop, leaves no file behind as being indexed for ever, or
as failed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from pipelines.errors import InputError
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.load.meter import Meter
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.readers.kinds import mime_of
from pipelines.progress import Stopped, Task
from pipelines.store import documents
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import DocumentId

log = logging.getLogger(__name__)


class Load:
    """The files of one call. Safe to use from several threads."""

    def __init__(self, pool: Pool, files: Sequence[Incoming], task: Task) -> None:
        self.pool, self.task = pool, task
        self.meter = Meter(files, task.tell)
        self._lock = threading.Lock()
        self._contents: set[tuple[str, str]] = set()
        self._under_way: dict[DocumentId, Incoming] = {}
        self._seconds: dict[int, float] = defaultdict(float)
        self._is_cut_off = False

    def is_repeated(self, file: Incoming, sha256: str) -> bool:
        """Whether a file of the same content came before in this load."""
        content = (file.collection, sha256)
        repeated = content in self._contents
        self._contents.add(content)
        return repeated

    def begin(self, file: Incoming, sha256: str, content: bytes) -> DocumentId:
        """
        Note that a file is being indexed.

        :returns: Its row.
        :raises Stopped: The load was cut off meanwhile.
        """
        with self._lock:
            if self._is_cut_off:
                raise Stopped
            with self.pool.connection() as conn:
                document_id = file.document_id
                if document_id is None:
                    document_id = _begin(conn, file, sha256, content)
                else:
                    documents.start(conn, document_id)
            self._under_way[document_id] = file
            return document_id

    def fail(self, file: Incoming, document_id: DocumentId, reason: str) -> Outcome:
        """
        Note why a file could not be indexed.

        :raises Stopped: The load was interrupted, so the fault is not the file's.
        """
        with self._lock:
            if self._is_cut_off:
                raise Stopped
            with self.pool.connection() as conn:
                documents.fail(conn, document_id, reason)
        return Outcome(file.source, "failed", document_id, reason)

    @contextmanager
    def timed(self, file: Incoming) -> Iterator[None]:
        """Count the time inside as the file's own."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add_time(file, time.perf_counter() - started)

    def add_time(self, file: Incoming, seconds: float) -> None:
        """Count time as the file's own."""
        with self._lock:
            self._seconds[id(file)] += seconds

    def ended(self, file: Incoming, outcome: Outcome) -> Outcome:
        """
        Note that a file is in, or has failed.

        :returns: The outcome with the time that the file took.
        """
        with self._lock:
            seconds = self._seconds.pop(id(file), 0.0)
            if outcome.document_id is not None:
                self._under_way.pop(outcome.document_id, None)
        self.meter.ended(file)
        return replace(outcome, seconds=round(seconds, 3))

    def cut_off(self) -> None:
        """Begin nothing more. What is under way is not in: its rows go, or wait for another load."""
        with self._lock:
            self._is_cut_off = True
            given = [i for i, file in self._under_way.items() if file.document_id is None]
            waiting = [i for i, file in self._under_way.items() if file.document_id is not None]
            try:
                with self.pool.connection(timeout=5) as conn:
                    documents.interrupt(conn, given, waiting)
            except psycopg.OperationalError as error:
                log.warning("files that were cut off still stand as being indexed: %s", error)


def _begin(conn: Connection, file: Incoming, sha256: str, content: bytes) -> DocumentId:
    try:
        mime = mime_of(file.source)
    except InputError:  # its row says so
        mime = "application/octet-stream"
    return documents.begin(
        conn,
        source=file.source,
        title=file.title,
        sha256=sha256,
        mime=mime,
        content=content,
        collection=file.collection,
    )
