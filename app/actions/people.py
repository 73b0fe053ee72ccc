"""People who use Attune: end their sessions, and delete what is stored of one visitor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from app.access.reader import account_visitor
from app.services import Services
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Task
from pipelines.store import active, chunks, pairs, visitors
from pipelines.store.db import Connection

# As many signs of a visitor's digest are shown. They are enough to name one.
SHOWN_CHARS = 8
_DIGEST = re.compile(r"[0-9a-f]{6,32}")


@dataclass(frozen=True)
class Erased:
    """What was deleted of a visitor, as numbers of rows and files."""

    visitor: str
    conversations: int
    votes: int
    pairs: int
    marks: int
    files: int
    sessions: int


def end_sessions(services: Services, name: str, *, who: str, via: str | None = None) -> int:
    """
    End all sessions of a person on every server, and return their number.

    :param name: The account's name, or `admin` and `guest` of people who used a password.
    :param via: Only sessions that were opened by this method.
    :raises InputError: They have no session.
    """
    with services.pool.connection() as conn, conn.transaction():
        ended = visitors.end_sessions(conn, name, via)
        if not ended:
            raise InputError(f"Nobody called {name} is signed in.")
        active.add_audit(conn, who, "end sessions", {"of": name, "sessions": ended})
    return ended


def find(conn: Connection, named: str) -> str:
    """
    The visitor that a name means.

    :param named: An account's name, or the first signs of a visitor's digest, six or more.
    :raises InputError: Nothing is stored of such a visitor, or the signs fit several.
    """
    if visitors.matching(conn, account_visitor(named)):
        return account_visitor(named)
    found = visitors.matching(conn, named) if _DIGEST.fullmatch(named) else []
    if len(found) > 1:
        raise InputError(f"{named} fits {len(found)} visitors: {', '.join(found[:5])}.")
    if not found:
        raise InputError(
            f"Nothing is stored of {named}. Name an account, or six or more signs of a visitor."
        )
    return found[0]


def erase(services: Services, named: str, *, who: str, task: Task = NO_TASK) -> Erased:
    """
    Delete a visitor's conversations, votes, files, sessions, and the pairs made of their questions.

    Versions that learned from such pairs stay as they are. Backups keep what they hold.

    :raises InputError: Nothing is stored of such a visitor, or the signs fit several.
    """
    with services.pool.connection() as conn:
        visitor = find(conn, named)
        own = visitors.own_documents(conn, visitor)
        for document_id in own:
            task.check()
            chunks.delete_document(conn, document_id)
        with conn.transaction():
            gone = visitors.erase(conn, visitor)
            pairs.forget_absent(conn)
            is_account = visitor == account_visitor(named)
            sessions = visitors.end_sessions(conn, named, "oauth") if is_account else 0
            done = Erased(visitor, **gone, files=len(own), sessions=sessions)
            # Without the name: it is to be forgotten here, too.
            detail = {"visitor": visitor[:SHOWN_CHARS], "files": done.files, **gone}
            active.add_audit(conn, who, "delete a visitor's data", detail)
    return done


def forget_expired(conn: Connection, days: float) -> int:
    """
    Erase conversations that have expired, and those that were deleted a day ago.

    :param days: Days without use after which a conversation expires. 0 means never.
    :returns: Number of erased conversations.
    """
    age = timedelta(days=days) if days else None
    return visitors.erase_conversations(conn, visitors.expired_conversations(conn, age))


def any_expired(conn: Connection, days: float) -> bool:
    """Whether `forget_expired` would erase something."""
    age = timedelta(days=days) if days else None
    return bool(visitors.expired_conversations(conn, age, limit=1))
