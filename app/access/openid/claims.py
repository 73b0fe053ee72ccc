"""What a provider's claims mean here: the account's name, its id and its groups. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.settings import Settings

# More groups of one account are left out. No token in a cookie holds as many.
MOST_GROUPS = 1000
LONGEST = 200


@dataclass(frozen=True)
class Account:
    """An account at the provider. `subject` never changes, `name` may."""

    name: str
    subject: str
    groups: tuple[str, ...] = ()


def account_from(settings: Settings, claims: Mapping[str, Any]) -> Account | None:
    """The account that claims describe, or None without a name or an id."""
    names = (claims.get(claim) for claim in settings.openid_name_claim.split(","))
    name = next((str(name).strip() for name in names if name), "")
    subject = str(claims.get("sub") or "")
    if not (name and subject) or max(len(name), len(subject)) > LONGEST or not name.isprintable():
        return None
    return Account(name, subject, _groups(claims, settings.openid_groups_claim))


def _groups(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """
    The groups in a claim: a list of names, or one name.

    :param path: The claim's name. Dots lead into nested claims, as in ``realm_access.roles``, if
        there is no claim with the whole name.
    """
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list):
        return ()
    names = [name.strip() for name in found if isinstance(name, str) and name.strip()]
    return tuple(dict.fromkeys(name for name in names if len(name) <= LONGEST))[:MOST_GROUPS]
