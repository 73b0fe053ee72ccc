"""
Checks the database continuously, each time in one snapshot: exactly one version is active, and it
has one vector for every live window and no others.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import psycopg

from pipelines.store import gaps, indexes
from pipelines.store.gaps import Gap
from tests.chaos.site import Site

PAUSE_S = 0.02


@dataclass
class Seen:
    """The observations. `pairs` are the indexes seen active in each epoch."""

    looks: int = 0
    incomplete: list[tuple[int, Gap]] = field(default_factory=list)
    not_one_active: int = 0
    pairs: dict[int, set[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Observer:
    """A thread that checks until it is stopped."""

    def __init__(self, site: Site) -> None:
        self.seen = Seen()
        self._site = site
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def __enter__(self) -> Observer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._site.dsn, connect_timeout=5) as conn:
                    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                    while not self._stopping.wait(PAUSE_S):
                        with conn.transaction():
                            self._look(conn)
            except psycopg.OperationalError:
                self._stopping.wait(0.1)  # the database is down: nobody can see anything
            except Exception as error:
                self.seen.faults.append(f"{type(error).__name__}: {error}")

    def _look(self, conn: psycopg.Connection) -> None:
        rows = conn.execute("select index_id, epoch from active").fetchall()
        self.seen.looks += 1
        if len(rows) != 1:
            self.seen.not_one_active += 1
            return
        ((index_id, epoch),) = rows
        self.seen.pairs.setdefault(epoch, set()).add(index_id)
        index = indexes.get(conn, index_id)
        assert index is not None, "the active index has no row"
        gap = gaps.measure(conn, index.vectors_id, index.rule_id)
        if gap:
            self.seen.incomplete.append((epoch, gap))
