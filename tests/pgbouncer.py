"""A real PgBouncer in front of a test's database."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests import scratch
from tests.listening import free_port

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
CONFIG = """
[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
server_login_retry = 1
logfile = {folder}/log
pidfile = {folder}/pid
"""


class Pooler:
    """A PgBouncer that can be killed and restarted. Its address stays the same."""

    def __init__(self, dsn: str, mode: str = "transaction", *, size: int = 5) -> None:
        """:param size: Connections to the database."""
        assert PGBOUNCER is not None
        to = conninfo_to_dict(dsn)
        listen, host = free_port(), str(to["host"])
        self.address = f"postgresql://postgres@127.0.0.1:{listen}/{to['dbname']}"
        self._folder = folder = scratch.folder()
        values = {"host": host, "port": to.get("port", 5432), "listen": listen, "mode": mode}
        (folder / "ini").write_text(CONFIG.format(folder=folder, size=size, **values))
        # It refuses to run as root, and the database's socket may be for its user alone.
        user = Path(host).owner() if Path(host).is_dir() else "nobody"
        subprocess.run(["chown", "-R", user, str(folder)], check=False)
        self._command = [PGBOUNCER, str(folder / "ini")]
        if Path("/proc/self").owner() == "root":
            self._command[1:1] = ["-u", user]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until the database answers through it."""
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.address, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                log = self._folder / "log"
                told = log.read_text() if log.is_file() else "no log"
                assert time.monotonic() < deadline, told
                time.sleep(0.1)

    def kill(self) -> None:
        """Send SIGKILL, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        (self._folder / "pid").unlink(missing_ok=True)

    def close(self) -> None:
        """End it and remove its files."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def pooled(dsn: str, mode: str = "transaction") -> Iterator[str]:
    """The address of a database behind PgBouncer. Tests are skipped without it."""
    if PGBOUNCER is None:
        pytest.skip("poolers are left out: pgbouncer is not installed (apt install pgbouncer)")
    pooler = Pooler(dsn, mode)
    try:
        pooler.start()
        yield pooler.address
    finally:
        pooler.close()
