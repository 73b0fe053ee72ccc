"""
Asks one question of any version that is built, without letting it serve.

Versions that this process has loaded are used as they are. Of the others, the few that were asked
last stay loaded.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from app.services import Services
from pipelines.embedder import registry
from pipelines.errors import InputError, NotReadyError
from pipelines.search import hybrid, opening
from pipelines.search.handle import SearchHandle
from pipelines.store import active, indexes, models
from pipelines.store.db import Connection
from pipelines.store.hits import Hit
from pipelines.store.ids import IndexId

# Each takes the memory of a model.
MOST_LOADED = 2
SHOWN = 5
LONGEST_QUESTION = 1000


@dataclass(frozen=True)
class Tried:
    """What one version finds for a question, and the milliseconds that it took."""

    version: str
    hits: list[Hit]
    embed_ms: float
    search_ms: float


class Tryout:
    """Versions to ask, one question at a time. Safe to share between threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._loaded: OrderedDict[IndexId, SearchHandle] = OrderedDict()

    def ask(self, question: str, names: Sequence[str]) -> list[Tried]:
        """
        What each version finds, best first.

        :raises InputError: No question, or no such version.
        :raises NotReadyError: A version is not built.
        """
        question = question.strip()[:LONGEST_QUESTION]
        if not question:
            raise InputError("Type a question first.")
        with self._lock:
            return [self._ask(question, name) for name in dict.fromkeys(names)]

    def _ask(self, question: str, name: str) -> Tried:
        handle = self._handle(name)
        started = time.perf_counter()
        vector, tokens = handle.read(question)
        embedded = time.perf_counter()
        with self._services.pool.connection() as conn:
            hits = hybrid.hybrid(conn, handle, question, vector, SHOWN, tokens=tokens)
        ended = time.perf_counter()
        return Tried(name, hits, 1000 * (embedded - started), 1000 * (ended - embedded))

    def _handle(self, name: str) -> SearchHandle:
        with self._services.pool.connection() as conn:
            index = indexes.of_model(conn, registry.find(conn, name).id)
        if index is None or index.status != "ready":
            raise NotReadyError(f"{name} is not built yet, so it has nothing to search.")
        held = self._services.replica.held(index.id) or self._loaded.get(index.id)
        if held is None:
            with self._services.pool.connection() as conn:
                held = opening.load_index(conn, index.id, self._services.options)
            self._loaded[index.id] = held
        if index.id in self._loaded:
            self._loaded.move_to_end(index.id)
        while len(self._loaded) > MOST_LOADED:
            self._loaded.popitem(last=False)
        return held


def askable(conn: Connection) -> list[str]:
    """The versions that are built, the serving one first, then the newest."""
    pointer = active.get(conn)
    serving = None if pointer is None else pointer.index_id
    built = []
    for model in models.list_all(conn):
        index = indexes.of_model(conn, model.id)
        if index is not None and index.status == "ready":
            built.append((index.id == serving, model.id, model.name))
    return [name for *_, name in sorted(built, reverse=True)]
