"""What a database that is not as expected makes Attune say at its start."""

from __future__ import annotations

import uuid

import psycopg
import pytest
from psycopg import sql

from pipelines.errors import NotReadyError
from pipelines.store import db


@pytest.fixture
def plain_role(empty_dsn):
    """The address of an empty database for a role that may only connect."""
    name = f"plain_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("create role {} login password 'x'").format(sql.Identifier(name)))
    yield psycopg.conninfo.make_conninfo(empty_dsn, user=name, password="x")
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)))


def test_a_role_without_rights_is_told_what_an_administrator_runs(plain_role, empty_dsn):
    """The statements in the message are enough."""
    with pytest.raises(NotReadyError, match="An administrator of the database") as refused:
        db.migrate(plain_role)
    statements = str(refused.value).split("run in it: ")[1]
    assert statements.startswith("create extension vector; grant create on database ")
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        conn.execute(statements)
    db.migrate(plain_role)


def test_a_newer_schema_is_refused_in_a_sentence(dsn):
    """The database stays as it is."""
    with psycopg.connect(dsn) as conn:
        conn.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(NotReadyError, match=r"A newer Attune wrote this database: .* 9999"):
        db.migrate(dsn)
