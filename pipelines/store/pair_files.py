"""Files of pairs that wait for the job that imports them."""

from __future__ import annotations

from datetime import timedelta

from pipelines.store.db import Connection


def add(conn: Connection, name: str, content: str) -> int:
    """Keep a file for its job; its id."""
    row = conn.execute(
        "insert into pair_file (name, content) values (%s, %s) returning id", (name, content)
    ).fetchone()
    assert row is not None
    return int(row[0])


def content(conn: Connection, file_id: int) -> str | None:
    """The file's text; None: it was imported, or is too old."""
    row = conn.execute("select content from pair_file where id = %s", (file_id,)).fetchone()
    return None if row is None else str(row[0])


def remove(conn: Connection, file_id: int) -> None:
    """Forget a file that was imported."""
    conn.execute("delete from pair_file where id = %s", (file_id,))


def forget_before(conn: Connection, age: timedelta) -> None:
    """Forget files whose job never came to its end."""
    conn.execute("delete from pair_file where created_at < now() - %s", (age,))
