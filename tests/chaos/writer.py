"""Adds, replaces and deletes documents without a pause, and notes the responses."""

from __future__ import annotations

import hashlib
import random
import time
from typing import TYPE_CHECKING, Any

import psycopg

from app.actions.ingest import open_ingester
from app.services import Services, open_services
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.store import chunks, document_passages, documents
from tests.chaos.journal import Journal
from tests.chaos.server import stop_at_sigterm
from tests.versions import passages

if TYPE_CHECKING:
    import threading

    from tests.chaos.site import Site

COLLECTION = "default"
FEWEST, MOST = 5, 20
LOOK_UP_S = 60.0


def write(site: Site, name: str, pause_s: float) -> None:
    """Write until SIGTERM. The current operation is finished and its outcome noted."""
    stopping = stop_at_sigterm()
    journal = Journal(site.journals, name)
    with (
        open_services(site.settings(), pool_size=4) as services,
        open_ingester(services) as ingester,
    ):
        Writer(services, ingester, journal, name).run(stopping, pause_s)


class Writer:
    """A writer of the sources that begin with its name."""

    def __init__(self, services: Services, ingester: Ingester, journal: Journal, name: str) -> None:
        self._services, self._ingester = services, ingester
        self._journal, self._name = journal, name
        self._mine: list[str] = []
        self._count = 0
        self._dice = random.Random(name)

    def run(self, stopping: threading.Event, pause_s: float) -> None:
        """Do one operation after another."""
        from multiprocessing import parent_process

        parent = parent_process()
        while not stopping.wait(pause_s) and (parent is None or parent.is_alive()):
            roll = self._dice.random()
            if len(self._mine) < FEWEST or (roll < 0.45 and len(self._mine) < MOST):
                self._count += 1
                self._put(f"{self._name}/{self._count}.txt")
            elif roll < 0.7:
                self._put(self._dice.choice(self._mine))
            else:
                self._delete(self._dice.choice(self._mine))

    def _put(self, source: str) -> None:
        version = f"{self._dice.randrange(10**9)}"
        content = "\n\n".join(passages(self._dice.randint(1, 4), of=f"w{version}x")).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        self._journal.note("intends", source=source, sha256=sha256)
        told: dict[str, Any] | None = None
        try:
            outcome = self._ingester.ingest(
                Incoming(source, source, lambda: content, COLLECTION, len(content))
            )
            if outcome.status == "indexed":
                told = {"sha256": sha256, "chunks": outcome.chunks}
            else:
                self._journal.note("refused", source=source, reason=outcome.reason)
        except psycopg.OperationalError as error:
            self._journal.note("cut off", source=source, reason=str(error))
        self._settle(source, told)

    def _delete(self, source: str) -> None:
        self._journal.note("intends", source=source, sha256=None)
        told: dict[str, Any] | None = None
        found: int | None = None
        try:
            with self._services.pool.connection() as conn:
                document = documents.indexed(conn, COLLECTION, source)
                assert document is not None, f"{source} is gone before it was deleted"
                found = document.id
                chunks.delete_document(conn, document.id)
            told = {"sha256": None, "chunks": 0, "deleted": found}
        except (psycopg.OperationalError, psycopg.errors.DeadlockDetected) as error:
            self._journal.note("cut off", source=source, reason=str(error))
        self._settle(source, told)

    def _settle(self, source: str, told: dict[str, Any] | None) -> None:
        """Note a source's state by the response, or by the database if there was none."""
        stands = told if told is not None else self._look_up(source)
        self._journal.note("stands", source=source, told=told is not None, **stands)
        if source in self._mine and stands["sha256"] is None:
            self._mine.remove(source)
        elif source not in self._mine and stands["sha256"] is not None:
            self._mine.append(source)

    def _look_up(self, source: str) -> dict[str, Any]:
        deadline = time.monotonic() + LOOK_UP_S
        while True:
            try:
                with self._services.pool.connection() as conn:
                    document = documents.indexed(conn, COLLECTION, source)
                    held = (
                        [] if document is None else document_passages.of_document(conn, document.id)
                    )
                return {"sha256": document and document.sha256, "chunks": len(held)}
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
