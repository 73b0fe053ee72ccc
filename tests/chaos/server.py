"""A server without its web page: the app's replica and answerer, asked continuously."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any

import psycopg

from app.services import Services, open_services
from tests.chaos.journal import Journal
from tests.versions import WORDS

if TYPE_CHECKING:
    from tests.chaos.site import Site

WATCH_S = 0.005
# A question that meets a database crash may be asked again for so long.
PATIENCE_S = 20.0


def serve(site: Site, name: str, questions_per_s: float) -> None:
    """Serve until SIGTERM, or until the parent process has gone."""
    stopping = stop_at_sigterm()
    journal = Journal(site.journals, name)
    with open_services(site.settings(), pool_size=6) as services:
        services.replica.current()
        services.replica.start()
        asker = Asker(services, journal, 1 / questions_per_s, stopping)
        threads = [
            threading.Thread(target=_watch, args=(services, journal, stopping)),
            threading.Thread(target=asker.run),
        ]
        [thread.start() for thread in threads]
        wait(stopping)
        [thread.join() for thread in threads]


def stop_at_sigterm() -> threading.Event:
    """An event that SIGTERM sets."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return stopping


def wait(stopping: threading.Event) -> None:
    """Wait until the event is set, by a signal or because the parent process has ended."""
    parent = parent_process()
    while not stopping.wait(0.5):
        if parent is not None and not parent.is_alive():
            stopping.set()


def end_with_parent() -> None:
    """End this process when its parent has ended."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _watch(services: Services, journal: Journal, stopping: threading.Event) -> None:
    """Note the moment when each epoch is followed."""
    seen = 0
    while not stopping.wait(WATCH_S):
        handle = services.replica.current()
        if handle.epoch != seen:
            seen = handle.epoch
            journal.note("follows", epoch=seen, index=handle.index_id)


@dataclass
class Asker:
    """Asks questions at a steady rate and notes every answer with its version."""

    services: Services
    journal: Journal
    every_s: float
    stopping: threading.Event

    def run(self) -> None:
        self.services.answerer.warm()
        dice = random.Random()
        due = time.monotonic()
        while not self.stopping.is_set():
            self._ask(" ".join(dice.sample(WORDS, 4)))
            due = max(due + self.every_s, time.monotonic() - self.every_s)
            self.stopping.wait(max(0.0, due - time.monotonic()))

    def _ask(self, question: str) -> None:
        asked = time.monotonic()
        self.journal.note("asked", id=asked)
        facts: dict[str, Any] = {}
        again = 0
        while True:
            try:
                facts = self._answer(question)
                break
            except psycopg.OperationalError as error:
                if time.monotonic() - asked > PATIENCE_S or self.stopping.is_set():
                    facts = {"fault": f"{type(error).__name__}: {error}"}
                    break
                again += 1
                time.sleep(0.1)
            except Exception as error:
                facts = {"fault": f"{type(error).__name__}: {error}"}
                break
        self.journal.note("answer", id=asked, again=again, **facts)

    def _answer(self, question: str) -> dict[str, Any]:
        with self.services.replica.question() as handle:
            answer = self.services.answerer.ask(question, handle=handle)
            return {
                "handle": [handle.epoch, handle.index_id, handle.encoder.dimension],
                "answer": [answer.epoch, answer.index_id, answer.model_name],
                "documents": [hit.document_id for hit in answer.passages],
                "ms": answer.timings_ms["search"],
            }
