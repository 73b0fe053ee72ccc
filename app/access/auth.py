"""
Who may: the ways to sign in, sessions, and the check that every admin handler begins with.

A session is a random token in a signed cookie and its digest in the database, where every server
finds it and signing out ends it at once. The signature covers the way of signing in and its
password: a changed password ends the sessions that were opened with the old one.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any, Literal

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from app.settings import Settings
from pipelines.errors import AccessError, InputError
from pipelines.store import scope, sessions
from pipelines.store.db import Pool
from pipelines.store.sessions import Session

Way = Literal["admin-password", "chat-password", "link", "oauth"]

COOKIE = "attune_session"
SCOPE_KEY = "attune.access"
# Before the id of an account at its provider.
SUBJECT = "sub:"
LINK_LIFETIME = timedelta(days=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Policy:
    """By which ways people reach the admin pages and the chat. No way to the chat: it is open."""

    admin_ways: frozenset[Way]
    chat_ways: frozenset[Way]
    admins: frozenset[str]

    @property
    def ways(self) -> frozenset[Way]:
        """Every way that is open to somebody."""
        return self.admin_ways | self.chat_ways


def policy_of(settings: Settings) -> Policy:
    """
    The policy that the settings make.

    :raises InputError: Sign-in with Hugging Face is half configured.
    """
    admins = frozenset(name.strip() for name in settings.admins.split(",") if name.strip())
    has_oauth = _has_oauth(settings)
    if has_oauth and not admins:
        raise InputError(
            "Sign-in with Hugging Face is configured, but ATTUNE_ADMINS names nobody: set it to the "
            "accounts that administer."
        )
    if admins and not has_oauth:
        raise InputError(
            "ATTUNE_ADMINS names Hugging Face accounts, but nobody can sign in with one here: on a "
            "Space add `hf_oauth: true` to its README; elsewhere use ATTUNE_ADMIN_PASSWORD."
        )
    if settings.chat_sign_in and not has_oauth:
        raise InputError(
            "ATTUNE_CHAT_SIGN_IN needs sign-in with Hugging Face, which only a Space has, with "
            "`hf_oauth: true` in its README."
        )
    oauth: set[Way] = {"oauth"} if has_oauth else set()
    admin_ways, chat_ways = set(oauth), oauth if settings.chat_sign_in else set()
    if settings.admin_password.get_secret_value():
        admin_ways.add("admin-password")
    if settings.chat_password.get_secret_value():
        chat_ways = chat_ways | {"chat-password"}
    if not admin_ways and not settings.on_spaces:
        admin_ways.add("link")
    return Policy(frozenset(admin_ways), frozenset(chat_ways), admins)


def _has_oauth(settings: Settings) -> bool:
    """
    Whether people can sign in with Hugging Face. Off Spaces never, whatever the environment holds.
    """
    if not settings.on_spaces:
        return False
    parts = {
        "OAUTH_CLIENT_ID": settings.oauth_client_id,
        "OAUTH_CLIENT_SECRET": settings.oauth_client_secret.get_secret_value(),
        "SPACE_HOST": settings.space_host,
    }
    missing = [name for name, value in parts.items() if not value]
    if missing and (parts["OAUTH_CLIENT_ID"] or parts["OAUTH_CLIENT_SECRET"]):
        raise InputError(
            f"Sign-in with Hugging Face is half configured: {', '.join(missing)} is not set."
        )
    return not missing


def parse_rules(text: str) -> Mapping[str, frozenset[str]]:
    """
    Rules as the setting has them: ``hr=admins; board=ada,bob; internal=signed-in``.

    :raises InputError: It is not of this form.
    """
    rules = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        collection, found, who = (piece.strip() for piece in part.partition("="))
        names = frozenset(filter(None, (name.strip() for name in who.split(","))))
        if not (collection and found and names):
            raise InputError(
                f"ATTUNE_READERS: expected COLLECTION=WHO,..., found {part!r}. WHO is everyone, "
                "signed-in, admins or an account's name."
            )
        scope.check_name(collection)
        rules[collection] = names
    return rules


def unknown_collections(readers: Mapping[str, frozenset[str]], known: Sequence[str]) -> str | None:
    """
    A sentence about rules that close nothing, because no collection has their name.

    :param known: The collections that hold documents.
    """
    unknown = sorted(readers.keys() - set(known))
    if not unknown:
        return None
    there = ", ".join(known) if known else "none yet"
    return (
        f"ATTUNE_READERS names collections without documents: {', '.join(unknown)}. Collections "
        f"with documents: {there}. Names are compared letter by letter."
    )


@dataclass(frozen=True)
class Person:
    """
    Somebody who signed in. `named`: by an account of their own, not by a shared password.

    `chats`: the chat is open to them, which it may not be to everybody with an account.
    `names`: what rules may call them, the account's name or its id.
    """

    name: str
    admin: bool
    chats: bool
    named: bool
    names: frozenset[str] = frozenset()


class Access:
    """Signs people in and out, and knows them again. Safe to share between threads."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.policy = policy_of(settings)
        self.readers = parse_rules(settings.readers)
        self.settings = settings
        self.lifetime = timedelta(hours=settings.session_hours)
        self._pool = pool
        self._passwords: dict[str, SecretStr] = {
            "admin-password": settings.admin_password,
            "chat-password": settings.chat_password,
        }
        with pool.connection() as conn:
            self._secret = sessions.secret(conn, "sessions")

    def person(self, connection: HTTPConnection) -> Person | None:
        """Who asks; None: a stranger, or somebody whose session is over."""
        found = self._token(connection)
        if found is None:
            return None
        way, token = found
        with self._pool.connection() as conn:
            session = sessions.get(conn, token)
            if session is None or session.via != way:
                return None
            subject = sessions.subject_of(conn, session.who) if way == "oauth" else None
        names = frozenset([session.who, *([f"{SUBJECT}{subject}"] if subject else [])])
        by_admin_way = way in self.policy.admin_ways
        admin = by_admin_way and (way != "oauth" or not names.isdisjoint(self.policy.admins))
        chats = admin or not self.policy.chat_ways or way in self.policy.chat_ways
        return Person(session.who, admin, chats, named=way == "oauth", names=names)

    def who(self, name: str, subject: str) -> str:
        """
        What somebody is called who signed in with an account: its name, if that is theirs.

        A name that another account had here before stands for that account in all rules; whoever
        has taken it since is known by the account's id.
        """
        with self._pool.connection() as conn:
            if sessions.bind_account(conn, name, subject):
                return name
        log.warning("an account has signed in whose name belonged to another account before")
        return f"{SUBJECT}{subject}"

    def is_password(self, way: Way, given: str) -> bool:
        """Whether this is the password of a way that is open. Takes the same time for any."""
        expected = self._passwords[way].get_secret_value()
        same = hmac.compare_digest(_digest(given), _digest(expected))
        return same and bool(expected) and way in self.policy.ways

    def start(self, way: Way, who: str) -> str:
        """Open a session; the value of its cookie."""
        token = secrets.token_urlsafe(32)
        with self._pool.connection() as conn:
            sessions.start(conn, token, Session(who, way), self.lifetime)
        return f"{way}.{token}.{self._signature(way, token)}"

    def end(self, connection: HTTPConnection) -> None:
        """Close the session of whoever asks, if there is one."""
        found = self._token(connection)
        if found is not None:
            with self._pool.connection() as conn:
                sessions.end(conn, found[1])

    def new_link(self, lifetime: timedelta = LINK_LIFETIME) -> str:
        """A path with a token that signs an admin in once, on this machine."""
        token = secrets.token_urlsafe(32)
        with self._pool.connection() as conn:
            sessions.add_link(conn, token, lifetime)
        return f"/login/link?token={token}"

    def redeem_link(self, token: str) -> bool:
        """Use up a link; False: unknown, used or expired."""
        with self._pool.connection() as conn:
            return "link" in self.policy.ways and sessions.redeem_link(conn, token)

    def _token(self, connection: HTTPConnection) -> tuple[str, str] | None:
        """Way and token of a cookie whose signature is ours; forged ones do not reach the database."""
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
    What `request` (of Gradio or of starlette) is checked by.

    :raises AccessError: It did not come through the guard.
    """
    access = connection_of(request).scope.get(SCOPE_KEY)
    if not isinstance(access, Access):
        raise AccessError("Sign in first.")
    return access


def person_of(request: Any) -> Person | None:
    """Who asks, looked up anew: a request that waited in a queue may outlive its session."""
    return access_of(request).person(connection_of(request))


def require_admin(request: Any) -> str:
    """
    The admin's name; call it before any effect.

    :param request: Of Gradio or of starlette.
    :raises AccessError: Whoever asks is no admin, or not any more.
    """
    person = person_of(request)
    if person is None:
        raise AccessError("Your session is over. Sign in again at /login.")
    if not person.admin:
        raise AccessError(f"{person.name} may not administer Attune.")
    return person.name


def may_see_metrics(request: Any) -> bool:
    """Whether whoever asks has the token of the metrics, or may see what needs none."""
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
    """starlette's own of a request that may be Gradio's."""
    inner = request if isinstance(request, HTTPConnection) else getattr(request, "request", None)
    if not isinstance(inner, HTTPConnection):
        raise AccessError("Sign in first.")
    return inner


def set_cookie(value: str, *, secure: bool, framed: bool, max_age_s: int) -> str:
    """
    The header that keeps a session in the browser; an empty value forgets it.

    :param framed: Shown inside another site, as a Space is: only such a cookie is kept there.
    """
    jar: SimpleCookie = SimpleCookie()
    jar[COOKIE] = value
    jar[COOKIE]["httponly"] = True
    jar[COOKIE]["path"] = "/"
    jar[COOKIE]["max-age"] = max_age_s
    jar[COOKIE]["samesite"] = "None" if secure and framed else "Lax"
    jar[COOKIE]["secure"] = secure
    return jar[COOKIE].OutputString() + ("; Partitioned" if secure and framed else "")
