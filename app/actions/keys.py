"""Keys for programs: made, shown once, and revoked. Each step is in the audit."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.services import Services
from pipelines.errors import InputError
from pipelines.store import active, api_keys, scope
from pipelines.store.api_keys import SCOPES, ApiKey

# Scanners for leaked secrets can find keys by this beginning.
PREFIX = "attune-"
NAME_CHARS = 80
MOST_DAYS = 3650
MOST_PER_MINUTE = 100_000


@dataclass(frozen=True)
class KeyWish:
    """
    What a new key shall be.

    :param collections: The only ones it reaches. Empty means those that are open to everyone.
    :param days: Until it expires. 0 means never.
    :param per_minute: Requests that it may send. 0 means no limit.
    """

    name: str
    scopes: Sequence[str]
    collections: Sequence[str] = ()
    days: float = 0
    per_minute: int = 60

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > NAME_CHARS:
            raise InputError(f"A key needs a name of at most {NAME_CHARS} characters.")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise InputError(f"A key needs one or more of: {', '.join(SCOPES)}.")
        if not 0 <= self.days <= MOST_DAYS:
            raise InputError(f"A key lives for 0 to {MOST_DAYS} days; 0 means for ever.")
        if not 0 <= self.per_minute <= MOST_PER_MINUTE:
            raise InputError(f"A key sends 0 to {MOST_PER_MINUTE:,} requests a minute.")
        for collection in self.collections:
            scope.check_name(collection)


def make(services: Services, wish: KeyWish, *, who: str) -> str:
    """Make a key and return it. It cannot be shown again."""
    token = PREFIX + secrets.token_urlsafe(32)
    with services.pool.connection() as conn, conn.transaction():
        key_id = api_keys.add(
            conn,
            token,
            name=wish.name.strip(),
            scopes=wish.scopes,
            collections=wish.collections or None,
            per_minute=wish.per_minute,
            lifetime=timedelta(days=wish.days) if wish.days else None,
            created_by=who,
        )
        detail = {"key": key_id, "name": wish.name.strip(), "scopes": list(wish.scopes)}
        active.add_audit(conn, who, "make key", detail)
    return token


def revoke(services: Services, key_id: int, *, who: str) -> ApiKey:
    """
    Let a key open nothing any more.

    :raises InputError: There is no such key, or it was revoked before.
    """
    with services.pool.connection() as conn, conn.transaction():
        key = api_keys.revoke(conn, key_id)
        if key is None:
            raise InputError("There is no such key, or it was revoked before.")
        active.add_audit(conn, who, "revoke key", {"key": key.id, "name": key.name})
    return key
