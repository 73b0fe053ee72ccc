"""
Rows of `recognised_page`: what OCR has read of files that are not wholly read yet.

They go when their file is in with all its pages, when it is deleted, or after some days. So an
indexed document that still has some has pages that wait for OCR.
"""

from __future__ import annotations

from datetime import timedelta

from pipelines.store.db import Connection

# Place, engine, text, and how sure the engine is of it.
Row = tuple[str, str, str, int]


def of(conn: Connection, sha256: str) -> list[Row]:
    """All that is kept of a file, in the order in which it was read."""
    return conn.execute(
        "select place, engine, content, sure from recognised_page where sha256 = %s"
        " order by created_at",
        (sha256,),
    ).fetchall()


def keep(conn: Connection, sha256: str, row: Row) -> None:
    """Store a page. Another process may have read it, too."""
    conn.execute(
        "insert into recognised_page (sha256, place, engine, content, sure)"
        " values (%s, %s, %s, %s, %s) on conflict do nothing",
        (sha256, *row),
    )


def any_of(conn: Connection, sha256: str) -> bool:
    """Whether anything is kept of a file."""
    row = conn.execute(
        "select exists (select 1 from recognised_page where sha256 = %s)", (sha256,)
    ).fetchone()
    return row is not None and bool(row[0])


def forget(conn: Connection, sha256: str) -> None:
    """Delete what is kept of a file."""
    conn.execute("delete from recognised_page where sha256 = %s", (sha256,))


def forget_deleted(conn: Connection, sha256: str) -> None:
    """Delete what is kept of a file if no document has it any more."""
    conn.execute(
        "delete from recognised_page where sha256 = %s"
        " and not exists (select 1 from document where sha256 = %s)",
        (sha256, sha256),
    )


def any_before(conn: Connection, age: timedelta) -> bool:
    """Whether there are pages older than `age`."""
    row = conn.execute(
        "select exists (select 1 from recognised_page where created_at < now() - %s)", (age,)
    ).fetchone()
    return row is not None and bool(row[0])


def forget_before(conn: Connection, age: timedelta) -> None:
    """Delete pages older than `age`, whose file nobody has read since."""
    conn.execute("delete from recognised_page where created_at < now() - %s", (age,))
