"""
Connections: a pool for a given DSN, and the migration of the schema.

This module knows neither settings nor the embedded server. Both pass in a DSN.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from pipelines.errors import NotReadyError

Connection = psycopg.Connection[TupleRow]
Pool = ConnectionPool[Connection]

# Arbitrary 64-bit constants, which must differ and never change.
MIGRATE_LOCK = 7201_0001
PROMOTE_LOCK = 7201_0002
# First half of a two-part advisory lock key. The second half is an index's id.
BUILD_LOCK = 7201
NAME_LOCK = 7201_0003

MIGRATIONS = Path(__file__).parent / "migrations"

log = logging.getLogger(__name__)


def _configure(conn: Connection) -> None:
    register_vector(conn)
    conn.commit()


def open_pool(dsn: str, *, min_size: int = 1, max_size: int = 10, timeout_s: float = 10) -> Pool:
    """
    Open a pool of connections that know pgvector's types. Call `migrate` first.

    :raises NotReadyError: No connection within `timeout_s`.
    """
    pool: Pool = ConnectionPool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        timeout=timeout_s,
        configure=_configure,
        check=ConnectionPool.check_connection,
        kwargs={"application_name": "attune"},
        open=False,
    )
    try:
        pool.open(wait=True, timeout=timeout_s)
    except Exception as error:
        pool.close()
        raise NotReadyError(f"The database does not answer within {timeout_s:g} s.") from error
    return pool


def connect_alone(pool: Pool) -> Connection:
    """Open a connection to the pool's database outside the pool, in autocommit mode."""
    dsn = pool.conninfo if isinstance(pool.conninfo, str) else pool.conninfo()
    return psycopg.connect(dsn, autocommit=True, connect_timeout=2)


def reset(conn: Connection) -> None:
    """Reset every setting of the session to its default."""
    conn.execute("reset all")


@dataclass(frozen=True)
class DatabaseFacts:
    """Versions of the server and of pgvector, and the size of the database."""

    version: str
    pgvector: str
    size_bytes: int


def facts(conn: Connection) -> DatabaseFacts:
    """Read the versions of the server and of pgvector, and the size of the database."""
    row = conn.execute(
        "select current_setting('server_version'),"
        " (select extversion from pg_extension where extname = 'vector'),"
        " pg_database_size(current_database())"
    ).fetchone()
    assert row is not None
    return DatabaseFacts(*row)


def migrate(dsn: str) -> None:
    """
    Bring the schema to the newest revision.

    Several processes may start at once. An advisory lock lets one of them migrate, and the others
    then find nothing to do.

    :raises NotReadyError: The server cannot be reached, is too old, or lacks pgvector 0.8.
    """
    if _is_newest(dsn):
        return  # alembic and SQLAlchemy take half a second to import, for every command
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, pool, text

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(dsn), poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:k)"), {"k": MIGRATE_LOCK})
        # Committed at once: alembic's autocommit blocks assert that no transaction is open.
        connection.commit()
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("select pg_advisory_unlock(:k)"), {"k": MIGRATE_LOCK})
            connection.commit()
    engine.dispose()


def _is_newest(dsn: str) -> bool:
    """Whether the schema is at the newest revision. A revision is named by its file's number."""
    newest = max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("*.sql"))
    with _connect(dsn) as conn:
        if conn.execute("select to_regclass('alembic_version')").fetchone() == (None,):
            return False
        return conn.execute("select version_num from alembic_version").fetchall() == [(newest,)]


def _connect(dsn: str) -> psycopg.Connection[Any]:
    try:
        conn = psycopg.connect(dsn, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise NotReadyError(f"The database cannot be reached: {error}") from error
    if conn.info.server_version < 150000:
        version = conn.info.server_version // 10000
        conn.close()
        raise NotReadyError(f"PostgreSQL 15 or newer is needed, the server is {version}.")
    row = conn.execute(
        "select default_version from pg_available_extensions where name = 'vector'"
    ).fetchone()
    conn.rollback()
    if row is None or tuple(int(x) for x in row[0].split(".")[:2]) < (0, 8):
        conn.close()
        found = "none" if row is None else row[0]
        raise NotReadyError(f"pgvector 0.8 or newer is needed on the server, found {found}.")
    return conn
