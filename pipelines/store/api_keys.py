"""Rows of `api_key`: the keys of programs. The database has only their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pipelines.store.db import Connection
from pipelines.store.rows import class_row

Scope = Literal["ask", "ingest", "admin"]
SCOPES: tuple[Scope, ...] = ("ask", "ingest", "admin")
HINT_CHARS = 4

_COLUMNS = (
    "id, name, hint, scopes, collections, per_minute, created_by, created_at, expires_at,"
    " revoked_at, used_at"
)


@dataclass(frozen=True)
class ApiKey:
    """
    A key as it is stored. `collections` are the only ones that it reaches; None means those that
    are open to everyone.
    """

    id: int
    name: str
    hint: str
    scopes: list[str]
    collections: list[str] | None
    per_minute: int
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    @property
    def state(self) -> Literal["valid", "expired", "revoked"]:
        """Whether it still opens anything."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_at is not None and self.expires_at <= datetime.now(UTC)
        return "expired" if is_over else "valid"

    def may(self, scope: Scope) -> bool:
        """Whether it has a scope. `admin` includes the others."""
        return scope in self.scopes or "admin" in self.scopes


def add(
    conn: Connection,
    token: str,
    *,
    name: str,
    scopes: Sequence[str],
    collections: Sequence[str] | None,
    per_minute: int,
    lifetime: timedelta | None,
    created_by: str,
) -> int:
    """Store a key's digest and return its id."""
    row = conn.execute(
        "insert into api_key (name, key_sha256, hint, scopes, collections, per_minute, created_by,"
        " expires_at) values (%s, %s, %s, %s, %s, %s, %s, now() + %s) returning id",
        (
            name,
            _digest(token),
            token[-HINT_CHARS:],
            list(scopes),
            None if collections is None else list(collections),
            per_minute,
            created_by,
            lifetime,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def find(conn: Connection, token: str) -> ApiKey | None:
    """The key of this token, also if it was revoked or has expired."""
    with conn.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from api_key where key_sha256 = %s", (_digest(token),)
        ).fetchone()


def note_use(conn: Connection, key_id: int) -> None:
    """Note that a key was used, at most once a minute."""
    conn.execute(
        "update api_key set used_at = now() where id = %s"
        " and (used_at is null or used_at < now() - interval '1 minute')",
        (key_id,),
    )


def list_all(conn: Connection) -> list[ApiKey]:
    """Every key, newest first."""
    with conn.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(f"select {_COLUMNS} from api_key order by id desc").fetchall()


def revoke(conn: Connection, key_id: int) -> ApiKey | None:
    """
    Let a key open nothing any more.

    :returns: The key, or None if there is no such one that is valid.
    """
    with conn.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(
            "update api_key set revoked_at = now() where id = %s and revoked_at is null"
            f" returning {_COLUMNS}",
            (key_id,),
        ).fetchone()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
