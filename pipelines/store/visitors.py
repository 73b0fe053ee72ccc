"""
What is stored of people: their sessions, conversations, votes, pairs and files. Counted and deleted.

A visitor is a digest, of a browser's cookie or of an account's name. Programs' answers are stored
under the digest of their key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.store import scope
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row

# How long a deleted conversation can still be restored.
UNDO = timedelta(days=1)


@dataclass(frozen=True)
class SignedIn:
    """A person's open sessions. `via` is the method they signed in by."""

    who: str
    via: str
    sessions: int
    groups: list[str]
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Visitor:
    """What is stored of one visitor."""

    visitor: str
    conversations: int
    questions: int
    files: int
    last_used: datetime | None


def signed_in(conn: Connection) -> list[SignedIn]:
    """People with open sessions, the latest first."""
    with conn.cursor(row_factory=class_row(SignedIn)) as cursor:
        return cursor.execute(
            # The newest session's groups are shown: earlier ones may have others.
            "select who, via, count(*) as sessions,"
            " (array_agg(to_jsonb(groups) order by created_at desc))[1] as groups,"
            " max(created_at) as since, max(expires_at) as until"
            " from login_session where expires_at > now()"
            " group by who, via order by max(created_at) desc"
        ).fetchall()


def end_sessions(conn: Connection, who: str, via: str | None = None) -> int:
    """
    End all sessions of a person, on every server.

    :param via: Only those that were opened by this method.
    :returns: Number of sessions that were open.
    """
    ended = conn.execute(
        "delete from login_session where who = %s and (%s::text is null or via = %s)"
        " and expires_at > now()",
        (who, via, via),
    )
    return ended.rowcount


def list_visitors(conn: Connection, *, limit: int = 200, only: Sequence[str] = ()) -> list[Visitor]:
    """
    Visitors of whom something is stored, most recently used first.

    :param only: Only these. Empty means all.
    """
    with conn.cursor(row_factory=class_row(Visitor)) as cursor:
        return cursor.execute(
            # Counts per visitor of conversations, questions and own files.
            """
            with talk as (
                select visitor, count(*) as conversations, max(updated_at) as last_used
                from conversation group by visitor
            ), asked as (
                select c.visitor, count(*) as questions
                from message m join conversation c on c.id = m.conversation_id
                where m.role = 'user' group by c.visitor
            ), own as (
                select substr(collection, %(skip)s) as visitor, count(*) as files,
                    max(created_at) as last_used
                from document where starts_with(collection, %(prefix)s) group by collection
            )
            select visitor, coalesce(conversations, 0) as conversations,
                coalesce(questions, 0) as questions, coalesce(files, 0) as files,
                greatest(talk.last_used, own.last_used) as last_used
            from talk full join own using (visitor) left join asked using (visitor)
            where cardinality(%(only)s::text[]) = 0 or visitor = any(%(only)s::text[])
            order by last_used desc, visitor limit %(limit)s
            """,
            {
                "skip": len(scope.PRIVATE_PREFIX) + 1,
                "prefix": scope.PRIVATE_PREFIX,
                "only": list(only),
                "limit": limit,
            },
        ).fetchall()


def matching(conn: Connection, beginning: str) -> list[str]:
    """Visitors of whom something is stored and whose digest begins so."""
    rows = conn.execute(
        """
        select visitor from conversation where starts_with(visitor, %(beginning)s)
        union select visitor from feedback where starts_with(visitor, %(beginning)s)
        union select visitor from pair where starts_with(visitor, %(beginning)s)
        union select visitor from wrong_passage where starts_with(visitor, %(beginning)s)
        union select substr(collection, %(skip)s) from document
            where starts_with(collection, %(prefix)s || %(beginning)s)
        order by 1
        """,
        {
            "beginning": beginning,
            "skip": len(scope.PRIVATE_PREFIX) + 1,
            "prefix": scope.PRIVATE_PREFIX,
        },
    )
    return [row[0] for row in rows]


def own_documents(conn: Connection, visitor: str) -> list[DocumentId]:
    """The files of a visitor that nobody else searches."""
    rows = conn.execute(
        "select id from document where collection = %s order by id", (scope.private(visitor),)
    )
    return [DocumentId(row[0]) for row in rows]


def erase(conn: Connection, visitor: str) -> dict[str, int]:
    """
    Delete what a visitor asked, was answered and voted, and the pairs made of it.

    :returns: Number of deleted rows, by kind. Files are for the caller to delete.
    """
    statements = {
        "pairs": "delete from pair where visitor = %s",
        "marks": "delete from wrong_passage where visitor = %s",
        "votes": "delete from feedback where visitor = %s",
        # Messages and what belongs to them go with their conversation.
        "conversations": "delete from conversation where visitor = %s",
    }
    counts = {kind: conn.execute(text, (visitor,)).rowcount for kind, text in statements.items()}
    # Names of counters end with the visitor's digest.
    conn.execute("delete from usage_count where key like '%% ' || %s", (visitor,))
    return counts


def expired_conversations(conn: Connection, age: timedelta | None, limit: int = 1000) -> list[str]:
    """
    Conversations to erase: unused for longer than `age`, or deleted longer ago than `UNDO`.

    :param age: None keeps those that nobody deleted.
    """
    rows = conn.execute(
        "select id::text from conversation where deleted_at < now() - %s"
        " or updated_at < now() - %s::interval order by updated_at limit %s",
        (UNDO, age, limit),
    )
    return [row[0] for row in rows]


def erase_conversations(conn: Connection, ids: Sequence[str]) -> int:
    """Erase conversations with their messages and votes. Returns their number."""
    return conn.execute(
        "delete from conversation where id = any(%s::uuid[])", (list(ids),)
    ).rowcount
