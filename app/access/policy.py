"""Who may sign in by which method, and who may read which collection, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.settings import Settings
from pipelines.errors import InputError
from pipelines.store import scope

Way = Literal["admin-password", "chat-password", "link", "oauth"]


@dataclass(frozen=True)
class Policy:
    """
    The allowed sign-in methods of the admin pages and the chat. Without `chat_ways` the chat is
    public.
    """

    admin_ways: frozenset[Way]
    chat_ways: frozenset[Way]
    admins: frozenset[str]

    @property
    def ways(self) -> frozenset[Way]:
        """All allowed sign-in methods."""
        return self.admin_ways | self.chat_ways


def policy_of(settings: Settings) -> Policy:
    """
    The policy that the settings describe.

    :raises InputError: Sign-in with Hugging Face is only partly configured.
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
            "Space add `hf_oauth: true` to its README. Elsewhere use ATTUNE_ADMIN_PASSWORD."
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
    """Whether people can sign in with Hugging Face, which is possible on Spaces only."""
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
    Parse the setting's rules.

    Semicolons separate them: ``hr=admins; board=ada,bob; internal=signed-in``.

    :raises InputError: The text has another form.
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
    A sentence about rules without effect, because no collection has their name.

    :param known: The collections with documents.
    :returns: None if every rule names a known collection.
    """
    unknown = sorted(readers.keys() - set(known))
    if not unknown:
        return None
    there = ", ".join(known) if known else "none yet"
    return (
        f"ATTUNE_READERS names collections without documents: {', '.join(unknown)}. Collections "
        f"with documents: {there}. Names are compared letter by letter."
    )
