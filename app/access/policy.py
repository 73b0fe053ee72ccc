"""Who may sign in by which method, and who may read which collection, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.settings import Settings
from pipelines.errors import InputError
from pipelines.store import scope

Way = Literal["admin-password", "chat-password", "link", "oauth"]
# Prefixes of an account's id and of a group, among the names that rules can use.
SUBJECT, GROUP = "sub:", "group:"
# Words of rules, which no account's name may stand for.
EVERYONE, SIGNED_IN, ADMINS = "everyone", "signed-in", "admins"


@dataclass(frozen=True)
class Policy:
    """
    The allowed sign-in methods of the admin pages and the chat. Without `chat_ways` the chat is
    public.

    `admins`, `chat_groups` and `editors` hold accounts' names, ids (``sub:ID``) and groups
    (``group:NAME``).
    """

    admin_ways: frozenset[Way]
    chat_ways: frozenset[Way]
    admins: frozenset[str]
    chat_groups: frozenset[str] = frozenset()
    editors: frozenset[str] = frozenset()

    @property
    def ways(self) -> frozenset[Way]:
        """All allowed sign-in methods."""
        return self.admin_ways | self.chat_ways


def policy_of(settings: Settings) -> Policy:
    """
    The policy that the settings describe.

    :raises InputError: Sign-in with accounts is only partly configured.
    """
    admins = _names(settings.admins) | _groups(settings.admin_groups)
    has_oauth = _has_oauth(settings)
    _check_accounts(settings, admins, has_oauth)
    oauth: set[Way] = {"oauth"} if has_oauth else set()
    admin_ways, chat_ways = set(oauth), oauth if settings.chat_sign_in else set()
    if settings.admin_password.get_secret_value():
        admin_ways.add("admin-password")
    if settings.chat_password.get_secret_value():
        chat_ways = chat_ways | {"chat-password"}
    if not admin_ways and not settings.on_spaces:
        admin_ways.add("link")
    return Policy(
        frozenset(admin_ways),
        frozenset(chat_ways),
        admins,
        chat_groups=_groups(settings.chat_groups),
        editors=_groups(settings.editor_groups),
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _groups(text: str) -> frozenset[str]:
    return frozenset(f"{GROUP}{name}" for name in _names(text))


def _check_accounts(settings: Settings, admins: frozenset[str], has_oauth: bool) -> None:
    """
    :raises InputError: Settings about accounts contradict each other.
    """
    has_password = bool(settings.admin_password.get_secret_value()) and not settings.on_spaces
    if has_oauth and not admins and not has_password:
        raise InputError(
            "Sign-in with accounts is configured, but ATTUNE_ADMINS names nobody: set it to the "
            "accounts that administer, or ATTUNE_ADMIN_GROUPS to their groups."
        )
    if has_oauth and settings.chat_groups and not settings.chat_sign_in:
        raise InputError("ATTUNE_CHAT_GROUPS has no effect without ATTUNE_CHAT_SIGN_IN=true.")
    if has_oauth:
        return
    given = {
        "ATTUNE_ADMINS": bool(admins), "ATTUNE_CHAT_SIGN_IN": settings.chat_sign_in,
        "ATTUNE_EDITOR_GROUPS": bool(settings.editor_groups.strip()),
        "ATTUNE_CHAT_GROUPS": bool(settings.chat_groups.strip()),
    }  # fmt: skip
    for name, is_set in given.items():
        if is_set:
            raise InputError(
                f"{name} is about accounts, but nobody can sign in with one here: on a Space add "
                "`hf_oauth: true` to its README. Elsewhere set OPENID_PROVIDER_URL, OAUTH_CLIENT_ID "
                "and ATTUNE_PUBLIC_URL, or use ATTUNE_ADMIN_PASSWORD."
            )


def _has_oauth(settings: Settings) -> bool:
    """
    Whether people can sign in with accounts.

    :raises InputError: It is only partly configured.
    """
    secret = settings.oauth_client_secret.get_secret_value()
    parts = {"OAUTH_CLIENT_ID": settings.oauth_client_id}
    if settings.on_spaces:
        parts |= {"OAUTH_CLIENT_SECRET": secret, "SPACE_HOST": settings.space_host}
    else:
        parts["ATTUNE_PUBLIC_URL"] = settings.public_url
    missing = [name for name, value in parts.items() if not value]
    if missing and (settings.oauth_client_id or secret):
        raise InputError(
            f"Sign-in with accounts is half configured: {', '.join(missing)} is not set."
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
                "signed-in, admins, an account's name or group:NAME."
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
