"""
The address of a client and the host it asks for, behind proxies or not.

A proxy appends the address of its own client at the right end of X-Forwarded-For. Entries further
left are the client's own claim. So hops are read from the right, as many as there are proxies of
ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PRIVATE = [
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                    "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10", "::1/128")
]  # fmt: skip
LOCAL_NAMES = frozenset(["localhost"])
# Health checks use these paths under any name or address.
WATCHED = frozenset(["/healthz", "/readyz"])


def parse(text: str) -> Address | None:
    """
    Parse an address, with or without a port or brackets.

    :returns: None if the text is not an address.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def place(address: str, *, size: Literal["own", "wide"] = "own") -> str:
    """
    The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address.

    :param size: ``wide`` returns the surrounding /24 or /48.
    """
    parsed = parse(address)
    if parsed is None:
        return address[:64]
    bits = {(4, "own"): 32, (4, "wide"): 24, (6, "own"): 64, (6, "wide"): 48}
    return str(ipaddress.ip_network((parsed, bits[parsed.version, size]), strict=False))


@dataclass(frozen=True)
class Proxies:
    """
    The proxies in front of the server.

    :param count: Number of proxies that each request passes through. If 0, only `trusted` addresses
        are proxies.
    :param skips_private: Hops with private addresses belong to the host that we run on.
    """

    count: int
    trusted: Sequence[Network]
    skips_private: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Proxies:
        """The proxies named in the settings. On a Space, its own one."""
        names = [name.strip() for name in settings.trusted_proxies.split(",")]
        networks = [_network(name) for name in names if name]
        by_default = 1 if settings.on_spaces else 0
        count = by_default if settings.proxies is None else settings.proxies
        return cls(count, [n for n in networks if n], settings.on_spaces)

    def client(self, peer: str, hops: Sequence[str]) -> str:
        """
        The address of the client.

        :param peer: The address that the connection comes from.
        :param hops: X-Forwarded-For, from left to right.
        """
        if self.count:
            left = list(hops)[: len(hops) - self.count + 1]
            while self.skips_private and len(left) > 1 and _is_private(left[-1]):
                left.pop()
            found = parse(left[-1]) if left else None
            return str(found) if found else peer
        client = parse(peer)
        for hop in reversed(hops):
            if client is None or not self._is_trusted(client):
                break
            client = parse(hop) or client
        return str(client) if client else peer

    def is_proxied(self, peer: str) -> bool:
        """Whether a connection comes from one of our proxies."""
        client = parse(peer)
        return self.count > 0 or (client is not None and self._is_trusted(client))

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)


def _network(text: str) -> Network | None:
    if text == "*":
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_private(text: str) -> bool:
    found = parse(text)
    return found is None or any(found in network for network in PRIVATE)


def set_client(scope: Scope, proxies: Proxies) -> None:
    """Put the client's address, and the scheme that it used, into a request's scope."""
    peer = scope["client"][0] if scope.get("client") else ""
    headers = Headers(scope=scope)
    hops = [hop for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
    if not proxies.is_proxied(peer):
        return
    scope["client"] = (proxies.client(peer, hops), 0)
    scheme = headers.get("x-forwarded-proto", "").split(",")[-1].strip()
    if scheme in ("http", "https"):
        scope["scheme"] = scheme


@dataclass(frozen=True)
class Hosts:
    """The host names that are answered. None stands for all."""

    names: frozenset[str] | None

    @classmethod
    def of(cls, settings: Settings, host: str) -> Hosts:
        """
        The host names of the settings, or this machine's names if only this machine reaches the
        server.

        Without this check a page of another site could let its own name point to 127.0.0.1 and read
        the answers of an open chat on this machine.

        :param host: The address that the server listens on.
        """
        named = [name.strip().lower() for name in settings.allowed_hosts.split(",")]
        names = frozenset(filter(None, [*named, settings.space_host.lower()]))
        if "*" in names or not (_is_loopback(host) or any(named)):
            return cls(None)
        return cls(names)

    def answers(self, header: str) -> bool:
        """Whether a Host header names one of them."""
        if self.names is None:
            return True
        address = parse(header)
        if address is not None:  # not a name, so no page can make it point elsewhere
            return address.is_loopback or str(address) in self.names
        name = header.rpartition(":")[0] or header
        name = name.lower().rstrip(".")
        if name in self.names or name in LOCAL_NAMES:
            return True
        return any(n.startswith("*.") and name.endswith(n[1:]) for n in self.names)


def _is_loopback(host: str) -> bool:
    found = parse(host)
    return host == "localhost" or (found is not None and found.is_loopback)


def address_of(connection: HTTPConnection) -> str:
    """The client's address. The guard has already replaced the address of a proxy of ours."""
    return connection.client.host if connection.client else "unknown"
