"""
Authentication: sign-in methods, sessions, and the check at the start of every admin handler.

A session is a random token in a signed cookie. Its digest is in the database, where every server
finds it, and where signing out ends it at once. The signature includes the sign-in method and its
password, so changing a password ends the sessions that were opened with the old one.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from app.access.policy import (
    ADMINS,
    EVERYONE,
    GROUP,
    SIGNED_IN,
    SUBJECT,
    Way,
    parse_rules,
    policy_of,
)
from app.settings import Settings
from pipelines.errors import AccessError
from pipelines.store import sessions
from pipelines.store.db import Pool
from pipelines.store.sessions import Session

COOKIE = "attune_session"
SCOPE_KEY = "attune.access"
LINK_LIFETIME = timedelta(days=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Person:
    """
    A signed-in person. `named` says whether they have their own account or used a shared password.

    `chats` says whether they may use the chat, which not every account may. `edits` says whether
    they may add documents for all. `names` are the names that rules can use for them: the account's
    name, its id and its groups.
    """

    name: str
    admin: bool
    chats: bool
    named: bool
    names: frozenset[str] = frozenset()
    edits: bool = False


class Access:
    """Signs people in and out, and recognises them. Safe to share between threads."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.policy = policy_of(settings)
        self.readers = parse_rules(settings.readers)
        self.settings = settings
        self.lifetime = timedelta(hours=settings.session_hours)
        self._pool = self.pool = pool
        self._passwords: dict[str, SecretStr] = {
            "admin-password": settings.admin_password,
            "chat-password": settings.chat_password,
        }
        with pool.connection() as conn:
            self._secret = sessions.secret(conn, "sessions")

    def person(self, connection: HTTPConnection) -> Person | None:
        """The signed-in person who sent a request, or None without a valid session."""
        cookie = self._token(connection)
        if cookie is None:
            return None
        way, token = cookie
        with self._pool.connection() as conn:
            session = sessions.get(conn, token)
            if session is None or session.via != way:
                return None
            subject = sessions.subject_of(conn, session.who) if way == "oauth" else None
        if way != "oauth":
            admin = way in self.policy.admin_ways
            chats = admin or not self.policy.chat_ways or way in self.policy.chat_ways
            return Person(session.who, admin, chats, named=False, edits=admin)
        groups = [f"{GROUP}{name}" for name in session.groups]
        names = frozenset([session.who, *([f"{SUBJECT}{subject}"] if subject else []), *groups])
        return self._with_account(session.who, names)

    def _with_account(self, who: str, names: frozenset[str]) -> Person:
        """A person with an account that rules know by these names."""
        policy = self.policy
        admin = not names.isdisjoint(policy.admins)
        in_group = not policy.chat_groups or not names.isdisjoint(policy.chat_groups)
        chats = admin or not policy.chat_ways or ("oauth" in policy.chat_ways and in_group)
        edits = admin or not names.isdisjoint(policy.editors)
        return Person(who, admin, chats, named=True, names=names, edits=edits)

    def who(self, name: str, subject: str) -> str:
        """
        The name of a person who signed in with an account.

        It is the account's name, unless another account used this name here before. Rules for the
        name apply to that earlier account. So a later owner of the name is known by the account's
        id. So is the owner of a name that means something else in rules.
        """
        if name in (ADMINS, EVERYONE, SIGNED_IN) or name.startswith((SUBJECT, GROUP)):
            return f"{SUBJECT}{subject}"
        with self._pool.connection() as conn:
            if sessions.bind_account(conn, name, subject):
                return name
        log.warning("an account has signed in whose name belonged to another account before")
        return f"{SUBJECT}{subject}"

    def is_password(self, way: Way, given: str) -> bool:
        """
        Whether this is the password of an allowed sign-in method. Takes the same time for any
        password.
        """
        expected = self._passwords[way].get_secret_value()
        same = hmac.compare_digest(_digest(given), _digest(expected))
        return same and bool(expected) and way in self.policy.ways

    def start(self, way: Way, who: str, groups: Sequence[str] = ()) -> str:
        """Open a session and return the value of its cookie."""
        token = secrets.token_urlsafe(32)
        with self._pool.connection() as conn:
            sessions.start(conn, token, Session(who, way, list(groups)), self.lifetime)
        return f"{way}.{token}.{self._signature(way, token)}"

    def end(self, connection: HTTPConnection) -> None:
        """End the sender's session, if there is one."""
        cookie = self._token(connection)
        if cookie is not None:
            with self._pool.connection() as conn:
                sessions.end(conn, cookie[1])

    def new_link(self, lifetime: timedelta = LINK_LIFETIME) -> str:
        """A path with a token that signs in an admin once, on this machine."""
        token = secrets.token_urlsafe(32)
        with self._pool.connection() as conn:
            sessions.add_link(conn, token, lifetime)
        return f"/login/link?token={token}"

    def redeem_link(self, token: str) -> bool:
        """
        Use up a link's token.

        :returns: False if it is unknown, used or expired.
        """
        with self._pool.connection() as conn:
            return "link" in self.policy.ways and sessions.redeem_link(conn, token)

    def _token(self, connection: HTTPConnection) -> tuple[str, str] | None:
        """
        Method and token of a cookie with a valid signature. Forged cookies never reach the
        database.
        """
        way, _, rest = connection.cookies.get(COOKIE, "").partition(".")
        token, _, signature = rest.partition(".")
        if way not in self.policy.ways:
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(way, token).encode()):
            return None
        return way, token

    def _signature(self, way: str, token: str) -> str:
        password = self._passwords.get(way, SecretStr("")).get_secret_value()
        key = hmac.digest(self._secret, f"{way}\n{password}".encode(), "sha256")
        return hmac.digest(key, token.encode(), "sha256").hex()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def access_of(request: Any) -> Access:
    """
    The `Access` of a request of Gradio or Starlette.

    :raises AccessError: It did not come through the guard.
    """
    access = connection_of(request).scope.get(SCOPE_KEY)
    if not isinstance(access, Access):
        raise AccessError("Sign in first.")
    return access


def person_of(request: Any) -> Person | None:
    """
    The person who sent a request, looked up now, because a queued request may outlive its session.
    """
    return access_of(request).person(connection_of(request))


def require_admin(request: Any) -> str:
    """
    Require an admin and return their name. Call it before any effect.

    :param request: Of Gradio or Starlette.
    :raises AccessError: The sender is not an admin, or no longer one.
    """
    person = person_of(request)
    if person is None:
        raise AccessError("Your session is over. Sign in again at /login.")
    if not person.admin:
        raise AccessError(f"{person.name} may not administer Attune.")
    return person.name


def may_see_metrics(request: Any) -> bool:
    """
    Whether the sender may read the metrics: by their token, as an admin, or because they are
    public.
    """
    access, connection = access_of(request), connection_of(request)
    expected = access.settings.metrics_token.get_secret_value()
    if not expected and not access.policy.chat_ways:
        return True
    kind, _, given = connection.headers.get("authorization", "").partition(" ")
    if (
        expected
        and kind.lower() == "bearer"
        and hmac.compare_digest(_digest(given), _digest(expected))
    ):
        return True
    person = access.person(connection)
    return person is not None and person.admin


def connection_of(request: Any) -> HTTPConnection:
    """
    The Starlette connection of a request that may be Gradio's.

    :raises AccessError: It has none.
    """
    inner = request if isinstance(request, HTTPConnection) else getattr(request, "request", None)
    if not isinstance(inner, HTTPConnection):
        raise AccessError("Sign in first.")
    return inner
