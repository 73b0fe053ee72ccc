"""Follows the active pointer: `current()` gives the handle that a question takes, once."""

from __future__ import annotations

import threading

from pipelines import reindex
from pipelines.handle import SearchHandle
from pipelines.reindex import EncoderOptions
from pipelines.store import active
from pipelines.store.db import Pool


class Replica:
    """Holds the handle of the serving index; a swap exchanges it whole."""

    def __init__(self, pool: Pool, options: EncoderOptions) -> None:
        self._pool = pool
        self._options = options
        self._handle: SearchHandle | None = None
        self._lock = threading.Lock()

    def current(self) -> SearchHandle:
        """The handle to answer with; loads it at the first call."""
        handle = self._handle
        return handle if handle is not None else self.refresh()

    def reload(self) -> SearchHandle:
        """Load what serves once more, e.g. because its accelerated twin has been built."""
        with self._lock:
            self._handle = None
        return self.refresh()

    def refresh(self) -> SearchHandle:
        """Look at the active pointer and take over what it names."""
        with self._lock, self._pool.connection() as conn:
            pointer = active.get(conn)
            held = self._handle
            if held is None or pointer is None or held.epoch != pointer.epoch:
                held = reindex.load_handle(conn, self._options)
                self._handle = held
            return held
