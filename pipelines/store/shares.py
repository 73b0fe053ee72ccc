"""
Links that lets others read a conversation: `share_token` of `conversation`.

Whoever has the link reads what stands in the conversation now. What it shows of documents is up to
the rights of whoever reads.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from pipelines.store import chats
from pipelines.store.active import add_audit
from pipelines.store.chats import Message
from pipelines.store.db import Connection

TOKEN_BYTES = 24
# Longer ones were never made here.
LONGEST_TOKEN = 100


@dataclass(frozen=True)
class SharedConversation:
    """A conversation that its owner shares by a link."""

    title: str
    messages: list[Message]


def start(conn: Connection, visitor: str, conversation_id: UUID, who: str) -> str | None:
    """
    Share one of the visitor's conversations, or do nothing if it is shared already.

    :param who: The visitor's name in the audit.
    :returns: The secret of its link. None if the conversation is not the visitor's.
    """
    with conn.transaction():
        made = conn.execute(
            "update conversation set share_token = %s"
            " where id = %s and visitor = %s and deleted_at is null and share_token is null",
            (secrets.token_urlsafe(TOKEN_BYTES), conversation_id, visitor),
        ).rowcount
        if made:
            add_audit(conn, who, "share conversation", {"conversation": str(conversation_id)})
        return token(conn, visitor, conversation_id)


def stop(conn: Connection, visitor: str, conversation_id: UUID, who: str) -> bool:
    """
    Take back the link of one of the visitor's conversations. A new one will be another.

    :param who: The visitor's name in the audit.
    :returns: Whether there was one.
    """
    with conn.transaction():
        ended = conn.execute(
            "update conversation set share_token = null"
            " where id = %s and visitor = %s and share_token is not null",
            (conversation_id, visitor),
        ).rowcount
        if ended:
            add_audit(conn, who, "stop sharing", {"conversation": str(conversation_id)})
        return ended == 1


def token(conn: Connection, visitor: str, conversation_id: UUID) -> str | None:
    """The secret of the link of one of the visitor's conversations. None if it is not shared."""
    row = conn.execute(
        "select share_token from conversation"
        " where id = %s and visitor = %s and deleted_at is null",
        (conversation_id, visitor),
    ).fetchone()
    return row[0] if row else None


def read(conn: Connection, share_token: str) -> SharedConversation | None:
    """
    The conversation that a link opens.

    :returns: None if there is no such link any more, or the conversation was deleted.
    """
    if not share_token or len(share_token) > LONGEST_TOKEN or "\x00" in share_token:
        return None
    row = conn.execute(
        "select id, visitor, title from conversation where share_token = %s and deleted_at is null",
        (share_token,),
    ).fetchone()
    if row is None:
        return None
    conversation_id, visitor, title = row
    return SharedConversation(title, chats.messages(conn, visitor, conversation_id))
