"""Connection poolers between us and the database, such as PgBouncer."""

from __future__ import annotations

import psycopg

from pipelines.errors import NotReadyError

# A busy pooler may give two clients different sessions by chance.
LOOKS = 10
NEEDS_DIRECT = (
    "{setting} leads to a connection pooler in transaction mode, where notifications, session locks"
    " and the job queue do not work: set ATTUNE_DIRECT_DATABASE_URL to the address of the database"
    " itself, often the same one with port 5432."
)


def shares_sessions(dsn: str) -> bool:
    """
    Whether one session of the server is given to several clients, one transaction after another.

    A pooler tells its clients a process number of its own. In session mode two clients never see
    the same process of the server.
    """
    with _connect(dsn) as first:
        if _process(first) == first.info.backend_pid:
            return False
        with _connect(dsn) as second:
            return any(_process(first) == _process(second) for _ in range(LOOKS))


def check(dsn: str, setting: str) -> None:
    """
    Refuse an address whose sessions are shared.

    :param setting: The variable that holds the address.
    :raises NotReadyError: They are.
    """
    try:
        shared = shares_sessions(dsn)
    except psycopg.Error:
        return  # whoever needs the database says it better
    if shared:
        raise NotReadyError(NEEDS_DIRECT.format(setting=setting))


def _connect(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(dsn, autocommit=True, prepare_threshold=None, connect_timeout=10)


def _process(conn: psycopg.Connection[tuple[object, ...]]) -> object:
    row = conn.execute("select pg_backend_pid()").fetchone()
    assert row is not None
    return row[0]
