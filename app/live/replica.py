"""
Follows the active pointer, and reports what this process has loaded.

`start` adds two threads. One follows: it hears of changes by NOTIFY, polls the epoch in case it
did not, and reports what this process holds. The other loads versions, which takes seconds, so
that the first never misses a beat. A version that cannot be loaded and verified is reported, and
the serving one stays.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time

import psycopg

from app.live.handles import Handles
from pipelines.embedder import loading
from pipelines.embedder.loading import EncoderOptions
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import NotReadyError
from pipelines.store import active, db, indexes, models, replicas
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import IndexId
from pipelines.store.replicas import Beat
from pipelines.store.standby import Reports

POLL_S = 2.0
# A stop is heard between two of these.
LISTEN_SLICE_S = 0.5

log = logging.getLogger(__name__)


class Replica(Handles):
    """The handles of this process. After `start` they follow the active pointer."""

    def __init__(self, pool: Pool, options: EncoderOptions, *, kind: str = "web") -> None:
        super().__init__(pool, options)
        host = socket.gethostname()
        # Where a browser reaches this process, if it serves pages.
        self.address: str | None = None
        self.id = f"{kind}-{host}-{os.getpid()}"
        self._kind, self._host = kind, host
        # By them this process knows how far a standby is behind.
        self.reports = Reports()
        self._targets: list[IndexId] = []
        self._twins: set[IndexId] = set()
        # One look at the pointer at a time.
        self._looking = threading.Lock()
        self._stopping = threading.Event()
        self._to_load = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to follow the pointer and to report. The first report is made before it returns."""
        self._followed = True
        with contextlib.suppress(psycopg.OperationalError):
            with self._pool.connection() as conn:
                replicas.forget_dead(conn, self._host, _is_running)
            # Who prepares a version from here on waits for this process, too.
            self._look()
        for target in (self._follow, self._keep_loaded):
            thread = threading.Thread(target=target, name=target.__name__.strip("_"), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End the threads and delete this process's row."""
        self._stopping.set()
        self._to_load.set()
        for thread in self._threads:
            thread.join(2 * LISTEN_SLICE_S)
        with (
            contextlib.suppress(psycopg.OperationalError),
            self._pool.connection(timeout=1) as conn,
        ):
            replicas.leave(conn, self.id)

    def _follow(self) -> None:
        listener: Connection | None = None
        while not self._stopping.is_set():
            try:
                if listener is None or listener.closed:
                    listener = db.connect_alone(self._pool)
                    indexes.listen(listener)
                self._look()
                self._hear(listener)
            except psycopg.OperationalError as error:
                log.debug("replica: %s", error)
                if listener is not None:
                    listener.close()
                listener = None
                # What serves continues. The pointer is read again when the database is back.
                self._stopping.wait(LISTEN_SLICE_S)
            except Exception:
                log.exception("replica: an unexpected fault; trying again")
                self._stopping.wait(POLL_S)
        if listener is not None:
            listener.close()

    def _hear(self, listener: Connection) -> None:
        """Wait for a hint, no longer than until the next poll."""
        deadline = time.monotonic() + POLL_S
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            for _ in listener.notifies(timeout=min(left, LISTEN_SLICE_S), stop_after=1):
                return

    def _look(self) -> None:
        """Read the pointer, follow it as far as versions are loaded, and report."""
        with self._looking, self._pool.connection(timeout=POLL_S) as conn:
            pointer = active.get(conn)
            self._targets = indexes.kept_loaded(conn)
            if pointer is not None and self.held(pointer.index_id) is not None:
                self.adopt(pointer)
            self.release(self._targets)
            began = time.monotonic()
            seen_at = replicas.beat(conn, self._beat())
        self.reports.note(seen_at, began)
        if any(self.wants(index_id) for index_id in self._targets):
            self._to_load.set()

    def _keep_loaded(self) -> None:
        while not self._stopping.is_set():
            self._to_load.wait(POLL_S)
            self._to_load.clear()
            for index_id in list(self._targets):
                if self._stopping.is_set():
                    return
                if self.wants(index_id):
                    try:
                        self.load(index_id)
                    except Exception as error:
                        self.refuse(index_id, error)
                    # Acknowledged at once, because a promotion may be waiting for it.
                    with contextlib.suppress(psycopg.OperationalError):
                        self._look()
            self._take_up_twin()

    def _take_up_twin(self) -> None:
        """Load what serves again when another process has built its accelerated twin."""
        serving = self.serving
        if serving is None or serving.index_id in self._twins:
            return
        if not isinstance(serving.encoder, LocalEncoder):
            return
        try:
            with self._pool.connection(timeout=POLL_S) as conn:
                model = models.get(conn, serving.model_id)
            if model is not None and loading.twin_serves(model, self._options):
                # Once, because a damaged twin would be tried again and again.
                self._twins.add(serving.index_id)
                self.reload()
        except psycopg.OperationalError:
            pass  # asked again soon
        except Exception as error:
            log.warning("replica: the accelerated twin is not taken up: %s", error)

    def _beat(self) -> Beat:
        state = self.loaded()
        return Beat(
            self.id,
            self._kind,
            self._host,
            os.getpid(),
            state.epoch,
            state.loaded,
            state.oldest_epoch,
            "; ".join(dict.fromkeys(state.faults.values())) or None,
            sorted(state.faults),
            self.address,
        )


def address_here(pool: Pool) -> str:
    """
    The address of the server that runs on this machine.

    :raises NotReadyError: None runs here.
    """
    with pool.connection() as conn:
        for pid, address in replicas.reached_on(conn, socket.gethostname()):
            if _is_running(pid):
                return address
    raise NotReadyError("No server of Attune runs on this machine: start one with attune serve.")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
