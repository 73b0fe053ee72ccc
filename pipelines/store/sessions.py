"""
Rows of `app_secret`, `login_session` and `login_link`: secrets and sign-ins, valid on any server.

`app_secret` also stores which account owns a name, as ``account NAME``. Tokens are stored as
digests, so the database's content signs nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from pipelines.store.db import Connection
from pipelines.store.rows import class_row

SECRET_BYTES = 32


@dataclass(frozen=True)
class Session:
    """
    A signed-in person. `via` is the method, e.g. ``oauth``.

    `groups` are those that the provider named when they signed in.
    """

    who: str
    via: str
    groups: list[str] = field(default_factory=list)


def secret(conn: Connection, name: str) -> bytes:
    """The secret with this name, created on first use."""
    conn.execute(
        "insert into app_secret (name, value) values (%s, %b) on conflict do nothing",
        (name, secrets.token_bytes(SECRET_BYTES)),
    )
    row = conn.execute("select value from app_secret where name = %s", (name,)).fetchone()
    assert row is not None
    return bytes(row[0])


def bind_account(conn: Connection, name: str, subject: str) -> bool:
    """
    Bind a name to an account unless another account has it.

    :param subject: The provider's id of the account. A name can be given up and taken by another.
    :returns: Whether the name belongs to this account, the first that signed in with it.
    """
    key = f"account {name}"
    conn.execute(
        "insert into app_secret (name, value) values (%s, %b) on conflict do nothing",
        (key, subject.encode()),
    )
    return subject_of(conn, name) == subject


def subject_of(conn: Connection, name: str) -> str | None:
    """The id of the account that a name belongs to, or None if nobody has signed in with it."""
    row = conn.execute(
        "select value from app_secret where name = %s", (f"account {name}",)
    ).fetchone()
    return None if row is None else bytes(row[0]).decode()


def start(conn: Connection, token: str, session: Session, lifetime: timedelta) -> None:
    """Store a session, and delete expired sessions and links."""
    conn.execute("delete from login_session where expires_at < now()")
    conn.execute("delete from login_link where expires_at < now()")
    conn.execute(
        "insert into login_session (token_sha256, who, via, groups, expires_at)"
        " values (%s, %s, %s, %s, now() + %s)",
        (_digest(token), session.who, session.via, session.groups, lifetime),
    )


def get(conn: Connection, token: str) -> Session | None:
    """The session of this token, unless it has ended or expired."""
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(
            "select who, via, groups from login_session where token_sha256 = %s and expires_at > now()",
            (_digest(token),),
        ).fetchone()


def end(conn: Connection, token: str) -> None:
    """Delete a session. Its token is then invalid on every server."""
    conn.execute("delete from login_session where token_sha256 = %s", (_digest(token),))


def add_link(conn: Connection, token: str, lifetime: timedelta) -> None:
    """Store a token that opens the admin pages once."""
    conn.execute(
        "insert into login_link (token_sha256, expires_at) values (%s, now() + %s)",
        (_digest(token), lifetime),
    )


def redeem_link(conn: Connection, token: str) -> bool:
    """
    Use up a link's token.

    :returns: False if it is unknown, used or expired.
    """
    used = conn.execute(
        "delete from login_link where token_sha256 = %s and expires_at > now()", (_digest(token),)
    )
    return used.rowcount == 1


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
