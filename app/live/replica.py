"""
Follows the active pointer: a question takes one handle, and a swap exchanges it whole.

`start` adds two threads. One follows: it hears of changes by NOTIFY, polls the epoch in case it
did not, and reports what this process holds. The other loads versions, which takes seconds, so
that the first never misses a beat. A version that cannot be loaded and verified is reported, and
the one that serves goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import psycopg

from app.live.stand_in import open_stand_in
from pipelines.embedder import loading
from pipelines.embedder.loading import EncoderOptions
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import ArtifactError, AttuneError, NotReadyError
from pipelines.search import opening
from pipelines.search.handle import SearchHandle
from pipelines.store import active, db, indexes, models, replicas
from pipelines.store.active import Active
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import IndexId
from pipelines.store.replicas import Beat

POLL_S = 2.0
# A stop is heard between two of these.
LISTEN_SLICE_S = 0.5
# A version that could not be loaded is tried again: its files may be repaired.
RETRY_LOAD_S = 10.0
PROBE = "Is this version able to answer?"

log = logging.getLogger(__name__)


class Replica:
    """Holds the handles of the serving version, the previous one, and candidates."""

    def __init__(self, pool: Pool, options: EncoderOptions, *, kind: str = "web") -> None:
        host = socket.gethostname()
        # Where a browser reaches this process, if it serves pages.
        self.address: str | None = None
        self.id = f"{kind}-{host}-{os.getpid()}"
        self._kind, self._host = kind, host
        self._pool = pool
        self._options = options
        # Guards the fields below, for moments only.
        self._state = threading.Lock()
        self._serving: SearchHandle | None = None
        # Answers while what serves cannot be loaded, and why it cannot.
        self._stand_in: SearchHandle | None = None
        self._degraded: str | None = None
        self._handles: dict[IndexId, SearchHandle] = {}
        self._in_flight: Counter[tuple[int, IndexId]] = Counter()
        self._faults: dict[IndexId, tuple[str, float]] = {}
        self._targets: list[IndexId] = []
        self._twins: set[IndexId] = set()
        # One load, and one look at the pointer, at a time.
        self._loading = threading.Lock()
        self._looking = threading.Lock()
        self._stopping = threading.Event()
        self._to_load = threading.Event()
        self._threads: list[threading.Thread] = []

    def current(self) -> SearchHandle:
        """The handle that serves; loads it at the first call."""
        handle = self._serving
        return handle if handle is not None else self.refresh()

    def answering(self) -> SearchHandle:
        """
        The handle that answers questions: the one that serves, or a stand-in while its files cannot
        be loaded. Nothing may be written with it: see `current`.

        :raises NotReadyError: No version is active yet.
        """
        stand_in = self._stand_in
        if self._serving is None and stand_in is not None and self._threads:
            return stand_in  # the threads try again and again to load what serves
        try:
            return self.current()
        except (ArtifactError, NotReadyError) as error:
            return self._degrade(error)

    @property
    def degraded(self) -> str | None:
        """Why a stand-in answers questions, or None while the serving version does."""
        return self._degraded if self._serving is None else None

    def _degrade(self, error: AttuneError) -> SearchHandle:
        with self._pool.connection() as conn:
            pointer = active.get(conn)
            if pointer is None:
                raise error
            stand_in = open_stand_in(conn, pointer, self._options)
        self._refuse(pointer.index_id, error)
        with self._state:
            self._stand_in, self._degraded = stand_in, str(error)
        log.error("the serving version is not loaded, %s answers: %s", stand_in.model_name, error)
        return stand_in

    @contextmanager
    def question(self) -> Iterator[SearchHandle]:
        """The handle for one question; what it needs stays while the question is under way."""
        self.answering()
        with self._state:
            handle = self._serving or self._stand_in
            assert handle is not None
            key = (handle.epoch, handle.index_id)
            self._in_flight[key] += 1
        try:
            yield handle
        finally:
            with self._state:
                self._in_flight[key] -= 1
                if not self._in_flight[key]:
                    del self._in_flight[key]

    def held(self, index_id: IndexId) -> SearchHandle | None:
        """The handle of a version that is loaded, serving or not."""
        with self._state:
            return self._handles.get(index_id)

    def refresh(self) -> SearchHandle:
        """Look at the active pointer and take over what it names, loading it if need be."""
        with self._pool.connection() as conn:
            pointer = active.get(conn)
        if pointer is None:
            raise NotReadyError("No version is active yet.")
        held = self._serving
        if held is None or held.epoch != pointer.epoch:
            # At the start it serves already, elsewhere or before: nobody waits for a probe, and
            # a command may need no more of the model than its way of counting tokens.
            self._load(pointer.index_id, probed=held is not None)
            held = self._adopt(pointer)
            if not self._threads:  # which would let go of what served before
                self._release()
        return held

    def reload(self) -> SearchHandle:
        """Load what serves once more, e.g. because its accelerated twin has been built."""
        held = self.current()
        with self._loading:
            fresh = self._verified(held.index_id)
            with self._state:
                self._handles[held.index_id] = fresh
                if self._serving is not None and self._serving.index_id == held.index_id:
                    self._serving = replace(fresh, epoch=self._serving.epoch)
        return self.current()

    def start(self) -> None:
        """Begin to follow the pointer and to report."""
        with contextlib.suppress(psycopg.OperationalError), self._pool.connection() as conn:
            replicas.forget_dead(conn, self._host, _is_running)
        for target in (self._follow, self._keep_loaded):
            thread = threading.Thread(target=target, name=target.__name__.strip("_"), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End the threads and take the row away."""
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
                # What serves goes on serving; the pointer is looked at as soon as it is there.
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
                self._adopt(pointer)
            self._release()
            replicas.beat(conn, self._beat())
        if any(self._wanting(index_id) for index_id in self._targets):
            self._to_load.set()

    def _keep_loaded(self) -> None:
        while not self._stopping.is_set():
            self._to_load.wait(POLL_S)
            self._to_load.clear()
            for index_id in list(self._targets):
                if self._stopping.is_set():
                    return
                if self._wanting(index_id):
                    try:
                        self._load(index_id)
                    except Exception as error:
                        self._refuse(index_id, error)
                    # Acknowledged at once: a promotion may be waiting for it.
                    with contextlib.suppress(psycopg.OperationalError):
                        self._look()
            self._take_up_twin()

    def _take_up_twin(self) -> None:
        """Load what serves once more when another process has built its accelerated twin."""
        serving = self._serving
        if serving is None or serving.index_id in self._twins:
            return
        if not isinstance(serving.encoder, LocalEncoder):
            return
        try:
            with self._pool.connection(timeout=POLL_S) as conn:
                model = models.get(conn, serving.model_id)
            if model is not None and loading.twin_serves(model, self._options):
                # Once: a damaged one would be tried again and again.
                self._twins.add(serving.index_id)
                self.reload()
        except psycopg.OperationalError:
            pass  # asked again soon
        except Exception as error:
            log.warning("replica: the accelerated twin is not taken up: %s", error)

    def _wanting(self, index_id: IndexId) -> bool:
        with self._state:
            if index_id in self._handles:
                return False
            _, since = self._faults.get(index_id, ("", -RETRY_LOAD_S))
            return time.monotonic() - since >= RETRY_LOAD_S

    def _refuse(self, index_id: IndexId, error: Exception) -> None:
        if not isinstance(error, AttuneError):
            log.warning("replica: version of index %s cannot be loaded", index_id, exc_info=error)
        reason = (
            str(error) if isinstance(error, AttuneError) else f"{type(error).__name__}: {error}"
        )
        with self._state:
            self._faults[index_id] = (reason, time.monotonic())

    def _load(self, index_id: IndexId, *, probed: bool = True) -> None:
        with self._loading:
            if self.held(index_id) is None:
                handle = self._verified(index_id) if probed else self._opened(index_id)
                with self._state:
                    self._handles[index_id] = handle
                    self._faults.pop(index_id, None)

    def _verified(self, index_id: IndexId) -> SearchHandle:
        """A handle whose model embeds."""
        handle = self._opened(index_id)
        vector = handle.encoder.encode_queries([PROBE])
        if vector.shape != (1, handle.encoder.dimension) or not np.isfinite(vector).all():
            raise NotReadyError(f"Version {handle.model_name} does not embed a question.")
        return handle

    def _opened(self, index_id: IndexId) -> SearchHandle:
        with self._pool.connection() as conn:
            return opening.load_index(conn, index_id, self._options)

    def _adopt(self, pointer: Active) -> SearchHandle:
        """Exchange the serving handle, unless a newer pointer has been followed already."""
        with self._state:
            serving = self._serving
            if serving is None or serving.epoch < pointer.epoch:
                serving = replace(self._handles[pointer.index_id], epoch=pointer.epoch)
                self._serving = serving
                if self._stand_in is not None:
                    log.warning("the serving version %s is loaded again", serving.model_name)
                    self._stand_in = self._degraded = None
            return serving

    def _release(self) -> None:
        """Let go of versions that nothing needs any more."""
        with self._state:
            kept = {*self._targets, *(index_id for _, index_id in self._in_flight)}
            if self._serving is not None:
                kept.add(self._serving.index_id)
            for index_id in self._handles.keys() - kept:
                del self._handles[index_id]
            for index_id in self._faults.keys() - kept:
                del self._faults[index_id]

    def _beat(self) -> Beat:
        with self._state:
            faults = dict.fromkeys(reason for reason, _ in self._faults.values())
            epochs = [epoch for epoch, _ in self._in_flight]
            return Beat(
                self.id,
                self._kind,
                self._host,
                os.getpid(),
                None if self._serving is None else self._serving.epoch,
                sorted({*self._handles, *(index_id for _, index_id in self._in_flight)}),
                min(epochs, default=None),
                "; ".join(faults) or None,
                sorted(self._faults),
                self.address,
            )


def address_here(pool: Pool) -> str:
    """
    Where the server that runs on this machine is reached.

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
