"""Which addresses a language model may be called at."""

from __future__ import annotations

from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from app.settings import Settings
from pipelines.errors import InputError
from pipelines.indexing.sources.guard import NetworkGuard, parse_networks

MOST_CHARS = 500
PORTS = {"http": 80, "https": 443}
# A model on the machine of the server, as Ollama's, needs nobody's leave.
HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def normal(address: str) -> str:
    """
    An address in one way of writing. Empty stands for OpenAI's.

    :raises InputError: It is no address that a language model can have.
    """
    text = address.strip().rstrip("/")
    if not text:
        return ""
    parts = _parts(text)
    if parts is None or len(text) > MOST_CHARS or not text.isprintable() or " " in text:
        raise InputError(
            f"{text[:80]!r} is no address of a language model. One looks like"
            " https://api.openai.com/v1 or http://localhost:11434/v1."
        )
    if parts.username is not None or parts.password is not None:
        raise InputError("The address holds a user or a password. Give the key in its own field.")
    if parts.query or parts.fragment:
        raise InputError("The address ends before the question mark or hash: leave out the rest.")
    return text


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port. Two addresses with the same belong to the same server."""
    parts = urlsplit(address or "https://api.openai.com/v1")
    return parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme]


def check_reach(settings: Settings, address: str) -> None:
    """
    Refuse a server in a network that is not public, as sources do, but for this very machine.

    It is looked up once. A name that leads elsewhere later is not noticed, but whatever answers
    there, only what has the form of a language model's reply comes back.

    :raises InputError: The name is not known.
    :raises AccessError: The network is not public and the operator has not allowed it.
    """
    if not address:
        return
    _, host, port = origin(address)
    networks = (*HERE, *parse_networks(settings.source_networks))
    try:
        NetworkGuard(networks).addresses(host, port)
    except (OSError, UnicodeError):
        raise InputError(f"The server does not know the name {host}.") from None


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in PORTS and parts.hostname else None
