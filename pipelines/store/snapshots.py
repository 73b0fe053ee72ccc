"""What a copy of the whole database needs: one view of it, counts to compare, an empty target."""

from __future__ import annotations

from psycopg import sql

from pipelines.store.db import Connection

# Rows of processes and sign-ins that mean nothing in another database, or after some time.
PASSING = ("replica", "document_process", "login_session", "login_link", "usage_count")


def begin_view(conn: Connection) -> str:
    """
    Begin a transaction that sees one state of the database, and return the name of this view.

    Other connections can read the same state while the transaction lasts.
    """
    conn.execute("begin isolation level repeatable read read only")
    row = conn.execute("select pg_export_snapshot()").fetchone()
    assert row is not None
    return str(row[0])


def counts(conn: Connection) -> dict[str, int]:
    """The number of rows of every table, by its name with its schema."""
    tables = conn.execute(
        "select schemaname, tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema') order by 1, 2"
    ).fetchall()
    found = {}
    for schema, name in tables:
        row = conn.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
        ).fetchone()
        assert row is not None
        found[f"{schema}.{name}"] = int(row[0])
    return found


def is_empty(conn: Connection) -> bool:
    """Whether there is no table at all."""
    row = conn.execute(
        "select exists (select from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema'))"
    ).fetchone()
    return row is not None and not row[0]


def revision(conn: Connection) -> str:
    """The revision of the schema."""
    row = conn.execute("select version_num from alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def forget_processes(conn: Connection) -> None:
    """Delete the rows that belong to the processes and browsers of the database that was copied."""
    for name in PASSING:
        conn.execute(sql.SQL("delete from {}").format(sql.Identifier(name)))
