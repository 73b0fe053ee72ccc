"""Uploaded files of pairs that wait for their import job."""

from __future__ import annotations

from datetime import timedelta

from pipelines.store.db import Connection


def add(conn: Connection, name: str, content: str) -> int:
    """Store a file for its job and return its id."""
    row = conn.execute(
        "insert into pair_file (name, content) values (%s, %s) returning id", (name, content)
    ).fetchone()
    assert row is not None
    return int(row[0])


def content(conn: Connection, file_id: int) -> str | None:
    """The file's text, or None if it was imported or has expired."""
    row = conn.execute("select content from pair_file where id = %s", (file_id,)).fetchone()
    return None if row is None else str(row[0])


def remove(conn: Connection, file_id: int) -> None:
    """Delete a file that was imported."""
    conn.execute("delete from pair_file where id = %s", (file_id,))


def forget_before(conn: Connection, age: timedelta) -> None:
    """Delete files older than `age`, whose job never finished."""
    conn.execute("delete from pair_file where created_at < now() - %s", (age,))
