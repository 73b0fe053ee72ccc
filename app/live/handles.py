"""
The versions that this process has loaded, and which of them answers.

Each question keeps one `SearchHandle`. A swap replaces the serving handle in one assignment.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from app.live.stand_in import open_stand_in
from pipelines.embedder.loading import EncoderOptions
from pipelines.errors import ArtifactError, AttuneError, NotReadyError
from pipelines.search import opening
from pipelines.search.handle import SearchHandle
from pipelines.store import active
from pipelines.store.active import Active
from pipelines.store.db import Pool
from pipelines.store.ids import IndexId

# A version that could not be loaded is tried again, because its files may be repaired.
RETRY_LOAD_S = 10.0
PROBE = "Is this version able to answer?"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedVersions:
    """
    What a process has loaded.

    :param epoch: Epoch of the serving handle, if one serves.
    :param loaded: Versions that are loaded, or needed by a question under way.
    :param oldest_epoch: Lowest epoch of the questions under way.
    :param faults: Versions that could not be loaded, each with the reason.
    """

    epoch: int | None
    loaded: list[IndexId]
    oldest_epoch: int | None
    faults: dict[IndexId, str]


class Handles:
    """Loads versions and hands them out to questions. Safe to share between threads."""

    def __init__(self, pool: Pool, options: EncoderOptions) -> None:
        self._pool, self._options = pool, options
        # Whether somebody follows the pointer, and releases handles and retries loads.
        self._followed = False
        # Guards the fields below, for moments only.
        self._state = threading.Lock()
        self._serving: SearchHandle | None = None
        # Answers while what serves cannot be loaded, and why it cannot.
        self._stand_in: SearchHandle | None = None
        self._degraded: str | None = None
        self._handles: dict[IndexId, SearchHandle] = {}
        self._in_flight: Counter[tuple[int, IndexId]] = Counter()
        self._faults: dict[IndexId, tuple[str, float]] = {}
        # One load at a time.
        self._loading = threading.Lock()

    def current(self) -> SearchHandle:
        """
        The handle that serves. The first call loads it.

        :raises NotReadyError: No version is active yet.
        :raises ArtifactError: Its files are damaged.
        """
        handle = self._serving
        return handle if handle is not None else self.refresh()

    def answering(self) -> SearchHandle:
        """
        The handle that answers questions: the one that serves, or a stand-in while its files cannot
        be loaded. Nothing may be written with it: see `current`.

        :raises NotReadyError: No version is active yet.
        """
        stand_in = self._stand_in
        if self._serving is None and stand_in is not None and self._followed:
            return stand_in  # the follower tries again and again to load what serves
        try:
            return self.current()
        except (ArtifactError, NotReadyError) as error:
            return self._degrade(error)

    @property
    def degraded(self) -> str | None:
        """Why a stand-in answers questions, or None while the serving version does."""
        return self._degraded if self._serving is None else None

    @property
    def serving(self) -> SearchHandle | None:
        """The handle that serves, if it is loaded."""
        return self._serving

    @contextmanager
    def question(self) -> Iterator[SearchHandle]:
        """The handle for one question. What it needs stays while the question is under way."""
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
        """
        Read the active pointer, and serve what it names. Load that if necessary.

        :raises NotReadyError: No version is active yet.
        :raises ArtifactError: Its files are damaged.
        """
        with self._pool.connection() as conn:
            pointer = active.get(conn)
        if pointer is None:
            raise NotReadyError("No version is active yet.")
        held = self._serving
        if held is None or held.epoch != pointer.epoch:
            # At the start the version serves already, elsewhere or before. Nobody waits for a probe,
            # and a command may need no more of the model than its way of counting tokens.
            self.load(pointer.index_id, probed=held is not None)
            held = self.adopt(pointer)
            if not self._followed:  # a follower would release what served before
                self.release(())
        return held

    def reload(self) -> SearchHandle:
        """Load what serves again, e.g. because its accelerated twin has been built."""
        held = self.current()
        with self._loading:
            fresh = self._verified(held.index_id)
            with self._state:
                self._handles[held.index_id] = fresh
                if self._serving is not None and self._serving.index_id == held.index_id:
                    self._serving = replace(fresh, epoch=self._serving.epoch)
        return self.current()

    def wants(self, index_id: IndexId) -> bool:
        """Whether a version is not loaded, and its last failure is long enough ago."""
        with self._state:
            if index_id in self._handles:
                return False
            _, since = self._faults.get(index_id, ("", -RETRY_LOAD_S))
            return time.monotonic() - since >= RETRY_LOAD_S

    def load(self, index_id: IndexId, *, probed: bool = True) -> None:
        """
        Load a version, unless it is loaded.

        :param probed: Whether its model must embed a question first.
        :raises ArtifactError: Its files are damaged.
        :raises NotReadyError: It does not embed.
        """
        with self._loading:
            if self.held(index_id) is None:
                handle = self._verified(index_id) if probed else self._opened(index_id)
                with self._state:
                    self._handles[index_id] = handle
                    self._faults.pop(index_id, None)

    def refuse(self, index_id: IndexId, error: Exception) -> None:
        """Note that a version could not be loaded."""
        if not isinstance(error, AttuneError):
            log.warning("replica: version of index %s cannot be loaded", index_id, exc_info=error)
        reason = (
            str(error) if isinstance(error, AttuneError) else f"{type(error).__name__}: {error}"
        )
        with self._state:
            self._faults[index_id] = (reason, time.monotonic())

    def adopt(self, pointer: Active) -> SearchHandle:
        """Serve the loaded version of a pointer, unless a newer pointer has been followed."""
        with self._state:
            serving = self._serving
            if serving is None or serving.epoch < pointer.epoch:
                serving = replace(self._handles[pointer.index_id], epoch=pointer.epoch)
                self._serving = serving
                if self._stand_in is not None:
                    log.warning("the serving version %s is loaded again", serving.model_name)
                    self._stand_in = self._degraded = None
            return serving

    def release(self, targets: Collection[IndexId]) -> None:
        """Release versions that do not serve, are no targets, and that no question needs."""
        with self._state:
            kept = {*targets, *(index_id for _, index_id in self._in_flight)}
            if self._serving is not None:
                kept.add(self._serving.index_id)
            for index_id in self._handles.keys() - kept:
                del self._handles[index_id]
            for index_id in self._faults.keys() - kept:
                del self._faults[index_id]

    def loaded(self) -> LoadedVersions:
        """What is loaded now."""
        with self._state:
            return LoadedVersions(
                None if self._serving is None else self._serving.epoch,
                sorted({*self._handles, *(index_id for _, index_id in self._in_flight)}),
                min((epoch for epoch, _ in self._in_flight), default=None),
                {index_id: reason for index_id, (reason, _) in self._faults.items()},
            )

    def _degrade(self, error: AttuneError) -> SearchHandle:
        with self._pool.connection() as conn:
            pointer = active.get(conn)
            if pointer is None:
                raise error
            stand_in = open_stand_in(conn, pointer, self._options)
        self.refuse(pointer.index_id, error)
        with self._state:
            self._stand_in, self._degraded = stand_in, str(error)
        log.error("the serving version is not loaded, %s answers: %s", stand_in.model_name, error)
        return stand_in

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
