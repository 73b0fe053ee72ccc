"""Rows of `prompt`: what the language model is told for an answer, where admins have changed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.store.db import Connection
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class StoredPrompt:
    """A template that somebody has put in the place of the default."""

    name: str
    template: str
    changed_by: str
    changed_at: datetime


def list_all(conn: Connection) -> list[StoredPrompt]:
    """Every template that was changed."""
    with conn.cursor(row_factory=class_row(StoredPrompt)) as cursor:
        return cursor.execute(
            "select name, template, changed_by, changed_at from prompt order by name"
        ).fetchall()


def store(conn: Connection, name: str, template: str, *, who: str) -> None:
    """Put a template in the place of the default, or of the one that was stored."""
    conn.execute(
        "insert into prompt (name, template, changed_by) values (%s, %s, %s)"
        " on conflict (name) do update set template = excluded.template,"
        " changed_by = excluded.changed_by, changed_at = now()",
        (name, template, who),
    )


def delete(conn: Connection, name: str) -> bool:
    """
    Bring the default back.

    :returns: False if it was there already.
    """
    return conn.execute("delete from prompt where name = %s", (name,)).rowcount == 1
