"""Waits until a database has noticed that a client is gone, which it does in its own time."""

from __future__ import annotations

import psycopg

from tests.workers import until


def until_left(dsn: str, name: str | None = None) -> None:
    """
    Wait until no other client of a database is left.

    :param name: Only clients that call themselves so.
    """
    with psycopg.connect(dsn, autocommit=True) as conn:
        until(
            lambda: (
                conn.execute(
                    "select count(*) from pg_stat_activity where datname = current_database()"
                    " and pid <> pg_backend_pid() and backend_type = 'client backend'"
                    " and application_name = coalesce(%s, application_name)",
                    (name,),
                ).fetchone()
                == (0,)
            )
        )
