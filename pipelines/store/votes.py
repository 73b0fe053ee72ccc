"""Rows of `feedback`: what visitors think of answers."""

from __future__ import annotations

from typing import Literal

from pipelines.store.db import Connection

Vote = Literal["like", "dislike"]


def store(conn: Connection, visitor: str, message_id: int, verdict: Vote, reason: str = "") -> bool:
    """
    Store the visitor's vote on an answer in place of an earlier one.

    :returns: Whether the answer is in a conversation of the visitor.
    """
    return (
        conn.execute(
            "insert into feedback (message_id, visitor, verdict, reason)"
            " select m.id, c.visitor, %s, %s from message m"
            " join conversation c on c.id = m.conversation_id"
            " where m.id = %s and c.visitor = %s and m.role = 'assistant'"
            " on conflict (message_id, visitor) do update set verdict = excluded.verdict,"
            " reason = case when excluded.reason = '' then feedback.reason else excluded.reason end,"
            " created_at = now()",
            (verdict, reason, message_id, visitor),
        ).rowcount
        == 1
    )


def remove(conn: Connection, visitor: str, message_id: int) -> None:
    """Remove the visitor's vote."""
    conn.execute(
        "delete from feedback where message_id = %s and visitor = %s", (message_id, visitor)
    )
