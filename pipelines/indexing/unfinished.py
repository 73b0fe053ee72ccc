"""
What one load of files has begun and not yet ended: so that a load that is cut off, by Ctrl-C or a
stop, leaves no file behind as being indexed for ever, or as failed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress

import psycopg

from pipelines.errors import InputError
from pipelines.indexing.convert import mime_of
from pipelines.indexing.meter import Meter
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.stages import Incoming
from pipelines.progress import OnProgress, Stopped
from pipelines.store import chunks, documents
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import DocumentId


class Load:
    """The files of one call, and which of their rows stand as being indexed. For several threads."""

    def __init__(self, pool: Pool, files: Sequence[Incoming], tell: OnProgress) -> None:
        self.meter = Meter(files, tell)
        self._pool = pool
        self._lock = threading.Lock()
        self._contents: set[tuple[str, str]] = set()
        self._under_way: dict[DocumentId, Incoming] = {}
        self._cut_off = False

    def is_repeated(self, file: Incoming, sha256: str) -> bool:
        """Whether a file of the same content came before in this load."""
        content = (file.collection, sha256)
        repeated = content in self._contents
        self._contents.add(content)
        return repeated

    def begin(self, file: Incoming, sha256: str, content: bytes) -> DocumentId:
        """
        The row of a file that is indexed now.

        :raises Stopped: The load was cut off meanwhile.
        """
        with self._lock:
            if self._cut_off:
                raise Stopped
            with self._pool.connection() as conn:
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

        :raises Stopped: The load was cut off; nothing is the file's fault any more.
        """
        with self._lock:
            if self._cut_off:
                raise Stopped
            with self._pool.connection() as conn:
                documents.fail(conn, document_id, reason)
        return Outcome(file.source, "failed", document_id, reason)

    def ended(self, outcome: Outcome, file: Incoming) -> None:
        """A file is in, or has failed."""
        with self._lock:
            if outcome.document_id is not None:
                self._under_way.pop(outcome.document_id, None)
        self.meter.ended(file)

    def cut_off(self) -> None:
        """Begin nothing more. What is under way is not in: its rows go, or wait for another load."""
        with self._lock:
            self._cut_off = True
            given = [i for i, file in self._under_way.items() if file.document_id is None]
            waiting = [i for i, file in self._under_way.items() if file.document_id is not None]
            with suppress(psycopg.OperationalError), self._pool.connection(timeout=5) as conn:
                documents.interrupt(conn, given, waiting)


def standing(conn: Connection, file: Incoming, sha256: str) -> Outcome | None:
    """The outcome of a file that is there already with this content, under its own name."""
    before = documents.indexed(conn, file.collection, file.source)
    if before is None or before.sha256 != sha256 or file.document_id is not None:
        return None
    documents.forget_attempts(conn, file.collection, file.source)
    return Outcome(file.source, "unchanged", before.id)


def shared(
    conn: Connection, file: Incoming, document_id: DocumentId, sha256: str
) -> Outcome | None:
    """The outcome of a file whose content is there under another name: it shares its passages."""
    twin = documents.same_content(conn, file.collection, sha256)
    if twin is None or twin.source == file.source:
        return None
    if not chunks.share(conn, document_id, twin.id):
        return None
    reason = f"the same content as {twin.title} ({twin.id})"
    return Outcome(file.source, "duplicate", document_id, reason)


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
