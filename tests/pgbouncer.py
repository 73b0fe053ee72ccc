"""A real PgBouncer in front of a test's database."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

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
default_pool_size = 5
max_client_conn = 200
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextmanager
def pooled(dsn: str, mode: str = "transaction") -> Iterator[str]:
    """The address of a database behind PgBouncer. Tests are skipped without it."""
    if PGBOUNCER is None:
        pytest.skip("poolers are left out: pgbouncer is not installed (apt install pgbouncer)")
    to = conninfo_to_dict(dsn)
    folder = Path(tempfile.mkdtemp(prefix="attune-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    host = str(to["host"])
    values = {"host": host, "port": to.get("port", 5432), "listen": listen, "mode": mode}
    (folder / "ini").write_text(CONFIG.format(folder=folder, **values))
    # It refuses to run as root, and the database's socket may be for its user alone.
    user = Path(host).owner()
    subprocess.run(["chown", "-R", user, str(folder)], check=False)
    command = [PGBOUNCER, str(folder / "ini")]
    if Path("/proc/self").owner() == "root":
        command[1:1] = ["-u", user]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"postgresql://postgres@127.0.0.1:{listen}/{to['dbname']}"
    try:
        _wait(address, folder)
        yield address
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(address: str, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(address, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            log = folder / "log"
            told = log.read_text() if log.is_file() else "no log"
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
