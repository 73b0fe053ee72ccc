"""Keys of programs as their screen shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from app.admin.html import parts
from app.admin.html.template import Template
from pipelines.store.api_keys import ApiKey

HEADERS = ["Name", "State", "Allowed", "Collections", "Limits", "Used"]
TONES: dict[str, parts.Tone] = {"valid": "good", "expired": "quiet", "revoked": "bad"}

_html = Template("access")


def table(keys: Sequence[ApiKey]) -> str:
    """The keys, newest first. A valid one has a button to revoke it."""
    if not keys:
        said = "Make one for each program, so that you can revoke it alone."
        return parts.stack(parts.empty("There are no keys yet", said))
    return parts.stack(parts.table(HEADERS, [_row(key) for key in keys]))


def _row(key: ApiKey) -> list[object]:
    reach = "open to everyone" if key.collections is None else ", ".join(key.collections)
    rate = f"{key.per_minute:,} a minute" if key.per_minute else "no rate limit"
    until = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "never expires"
    return [
        _html.name(key.name, f"…{key.hint}"),
        _html.lines(
            parts.pill(key.state, TONES[key.state]),
            parts.pick("Revoke", "revoke", key.id) if key.state == "valid" else "",
        ),
        ", ".join(key.scopes),
        reach,
        _html.lines(parts.short(rate), parts.short(until)),
        _html.lines(
            parts.when(key.used_at) if key.used_at else "never",
            Markup("made {}").format(parts.when(key.created_at)),
        ),
    ]


def made(token: str, scopes: Sequence[str], address: str) -> str:
    """
    A new key with a button that copies it, and a command that uses it.

    :param address: Where this server is reached, without a path.
    """
    asks = not {"ask", "admin"}.isdisjoint(scopes)
    path = "/v1/models" if asks else "/api/v1/documents"
    command = f'curl -H "Authorization: Bearer {token}" {address}{path}'
    return str(_html.made(token, command))
