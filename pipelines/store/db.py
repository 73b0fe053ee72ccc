"""
Connections: a pool for a given DSN, and the migration of the schema.

This module knows neither settings nor the embedded server. Both pass in a DSN.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from pipelines.errors import InputError, NotReadyError
from pipelines.store import addresses

Connection = psycopg.Connection[TupleRow]
T = TypeVar("T")


class Pool(ConnectionPool[Connection]):
    """
    Connections for one transaction each.

    `direct` is the address for what outlives a transaction, if the pool goes through a pooler that
    gives a session to several clients.
    """

    direct: str = ""


# Arbitrary 64-bit constants, which must differ and never change.
MIGRATE_LOCK = 7201_0001
PROMOTE_LOCK = 7201_0002
# First half of a two-part advisory lock key. The second half is an index's id.
BUILD_LOCK = 7201
# First half as well. The second half is the id of a source of documents.
SOURCE_LOCK = 7202
NAME_LOCK = 7201_0003
HANDBOOK_LOCK = 7201_0005

MIGRATIONS = Path(__file__).parent / "migrations"

# The name of this process's connections. While the server shows one, the process is alive.
PROCESS = f"attune {os.getpid()} {secrets.token_hex(8)}"

log = logging.getLogger(__name__)


def _configure(conn: Connection) -> None:
    register_vector(conn)
    conn.commit()


def open_pool(
    dsn: str, *, min_size: int = 1, max_size: int = 10, timeout_s: float = 10, direct: str = ""
) -> Pool:
    """
    Open a pool of connections that know pgvector's types. Call `migrate` first.

    :param direct: The database's own address, if `dsn` goes through a pooler.
    :raises NotReadyError: No connection within `timeout_s`.
    """
    pool = make_pool(dsn, min_size=min_size, max_size=max_size, timeout_s=timeout_s, direct=direct)
    try:
        pool.open(wait=True, timeout=timeout_s)
    except Exception as error:
        pool.close()
        raise NotReadyError(f"The database does not answer within {timeout_s:g} s.") from error
    return pool


def make_pool(
    dsn: str, *, min_size: int, max_size: int, timeout_s: float, direct: str = ""
) -> Pool:
    """Make a pool as `open_pool` does, and leave it to the caller to open it."""
    pool = Pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        timeout=timeout_s,
        configure=_configure,
        check=ConnectionPool.check_connection,
        # A pooler may give the next statement to another session, which knows no prepared names.
        kwargs={"application_name": PROCESS} | ({"prepare_threshold": None} if direct else {}),
        open=False,
    )
    pool.direct = direct
    return pool


def transact(pool: Pool, work: Callable[[Connection], T]) -> T:
    """
    Run a transaction, and once more if its connection was lost, as at a restart of the database.

    :param work: Must do no harm if the first attempt was committed after all.
    :raises psycopg.OperationalError: The connection was lost twice, or there is none in time.
    """
    try:
        with pool.connection() as conn:
            return work(conn)
    except PoolTimeout:
        raise
    except psycopg.OperationalError:
        with pool.connection() as conn:
            return work(conn)


def address(pool: Pool) -> str:
    """The address of the pool's database for connections outside the pool."""
    if pool.direct:
        return pool.direct
    return pool.conninfo if isinstance(pool.conninfo, str) else pool.conninfo()


def connect_alone(pool: Pool) -> Connection:
    """Open a connection to the pool's database outside the pool, in autocommit mode."""
    return psycopg.connect(
        address(pool), autocommit=True, connect_timeout=2, application_name=PROCESS
    )


def reset(conn: Connection) -> None:
    """Reset every setting of the session to its default."""
    conn.execute("reset all")


def try_lock(conn: Connection, key: int) -> bool:
    """
    Take one of the locks above until the transaction ends.

    :returns: False if another process has it.
    """
    row = conn.execute("select pg_try_advisory_xact_lock(%s)", (key,)).fetchone()
    return row is not None and bool(row[0])


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


def check(dsn: str) -> None:
    """
    Check that the server can be reached and is new enough.

    :raises InputError: The address of the database is mistyped.
    :raises NotReadyError: The server cannot be reached, is too old, or lacks pgvector 0.8.
    """
    _connect(dsn).close()


def migrate(dsn: str) -> None:
    """
    Bring the schema to the newest revision.

    Several processes may start at once. An advisory lock lets one of them migrate, and the others
    then find nothing to do.

    :raises InputError: The address of the database is mistyped.
    :raises NotReadyError: The server cannot be reached, is too old, or lacks pgvector 0.8. The role
        may not prepare the schema. A newer Attune wrote the schema.
    """
    try:
        if not _is_newest(dsn):
            _upgrade(dsn)
    except Exception as error:
        if not _is_forbidden(error):
            raise
        raise NotReadyError(_what_to_grant(dsn)) from error


def _upgrade(dsn: str) -> None:
    # Alembic and SQLAlchemy take half a second to import, so only a command that needs them waits.
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
    """
    Whether the schema is at the newest revision. A revision is named by its file's number.

    :raises NotReadyError: A newer Attune wrote the schema.
    """
    newest = max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("*.sql"))
    with _connect(dsn) as conn:
        if conn.execute("select to_regclass('alembic_version')").fetchone() == (None,):
            return False
        revisions = [row[0] for row in conn.execute("select version_num from alembic_version")]
    if found := max((one for one in revisions if one > newest), default=None):
        raise NotReadyError(
            f"A newer Attune wrote this database: its schema is {found}, and this Attune knows"
            f" {newest}. Update Attune."
        )
    return revisions == [newest]


def _is_forbidden(error: BaseException | None) -> bool:
    """Whether the database refused a statement because the role lacks a right."""
    while error is not None:
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return True
        error = error.__cause__ or error.__context__
    return False


def _what_to_grant(dsn: str) -> str:
    """What the role may not do, with the statements by which an administrator allows it."""
    with _connect(dsn) as conn:
        row = conn.execute(
            "select current_database(), current_user,"
            " exists (select 1 from pg_extension where extname = 'vector'),"
            " has_database_privilege(current_database(), 'create'),"
            " has_schema_privilege('public', 'create')"
        ).fetchone()
        assert row is not None
        name, role = (sql.Identifier(part).as_string(conn) for part in row[:2])
    needed = {
        "create extension vector;": row[2],
        f"grant create on database {name} to {role};": row[3],
        f"grant create on schema public to {role};": row[4],
    }
    statements = [statement for statement, is_there in needed.items() if not is_there]
    if not statements:
        return f"The role {role} may not use the tables of the database {name}. Use their owner."
    return (
        f"The role {role} may not prepare the database {name}. An administrator of the database"
        f" has to run in it: {' '.join(statements)}"
    )


def _connect(dsn: str) -> psycopg.Connection[Any]:
    addresses.check(dsn)
    try:
        conn = psycopg.connect(dsn, connect_timeout=10)
    except psycopg.OperationalError as error:
        told = addresses.without_password(str(error), dsn)
        raise NotReadyError(f"The database cannot be reached: {told}") from None
    except psycopg.Error:  # its text may quote the address
        raise InputError(addresses.mistyped()) from None
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
