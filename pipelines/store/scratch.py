"""
Scratch databases: empty, migrated, on the same server, and dropped after use.

A database that a killed process left is dropped by the next process. Its owner has an advisory lock
on the main database while it lives.
"""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import errors, sql

from pipelines.errors import NotReadyError
from pipelines.store import db
from pipelines.store.db import Pool

PREFIX = "attune_scratch_"
# First half of the two-part advisory lock key. The second half is a checksum of the name.
LOCK_CLASS = 7201

_counter = itertools.count(1)


@contextmanager
def scratch_database(dsn: str) -> Iterator[Pool]:
    """
    Create a database with the whole schema, yield a pool on it, and drop it.

    :param dsn: Of the main database. A connection to it stays open meanwhile.
    :raises NotReadyError: The database user may not create databases.
    """
    with empty_database(dsn) as scratch_dsn:
        db.migrate(scratch_dsn)
        pool = db.open_pool(scratch_dsn, max_size=2)
        try:
            yield pool
        finally:
            pool.close()


@contextmanager
def empty_database(dsn: str) -> Iterator[str]:
    """
    Create a database without a schema, yield its address, and drop it. See `scratch_database`.

    :raises NotReadyError: The database user may not create databases.
    """
    with psycopg.connect(dsn, autocommit=True) as owner:
        _sweep(owner)
        name = f"{PREFIX}{os.getpid()}_{next(_counter)}_{os.urandom(3).hex()}"
        owner.execute("select pg_advisory_lock(%s, %s)", (LOCK_CLASS, _key(name)))
        try:
            owner.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except errors.InsufficientPrivilege as error:
            raise NotReadyError(
                "This works in a database of its own, which the database user may not"
                " create: grant it CREATEDB."
            ) from error
        try:
            yield psycopg.conninfo.make_conninfo(dsn, dbname=name)
        finally:
            owner.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _sweep(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Drop the scratch databases whose owners are gone."""
    left = conn.execute(
        "select datname from pg_database where starts_with(datname, %s)", (PREFIX,)
    ).fetchall()
    for (name,) in left:
        key = (LOCK_CLASS, _key(str(name)))
        row = conn.execute("select pg_try_advisory_lock(%s, %s)", key).fetchone()
        if row is None or not row[0]:
            continue
        # Without force. Behind a pooler session locks may fail, but an open connection still shows
        # that the database is in use.
        with suppress(errors.ObjectInUse, errors.InvalidCatalogName):
            conn.execute(sql.SQL("drop database {}").format(sql.Identifier(str(name))))
        conn.execute("select pg_advisory_unlock(%s, %s)", key)


def _key(name: str) -> int:
    return zlib.crc32(name.encode()) - 2**31
