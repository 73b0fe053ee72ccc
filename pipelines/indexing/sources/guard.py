"""
Which machines a source may be read from: public ones, and networks that the operator names.

The check is made where a connection is opened, on the very address that it is opened to. So neither
a redirect nor a name that resolves to something else a moment later leads into a private network.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

from pipelines.errors import AccessError, InputError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[..., list[Any]]

# Addresses of these networks stand for an IPv4 address in their last 32 bits.
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
SETTING = "ATTUNE_SOURCE_NETWORKS"


def parse_networks(text: str) -> tuple[Network, ...]:
    """
    Networks as people write them: addresses with or without a prefix, separated by commas.

    :raises InputError: One of them is none.
    """
    try:
        return tuple(
            ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()
        )
    except ValueError as error:
        raise InputError(f"{SETTING}: {error}.") from None


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also if it stands for another one."""
    if isinstance(address, IPv6Address) and (inner := _inner(address)):
        return all(is_public(one) for one in inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that a gateway on the way may connect to instead."""
    inner = [address.ipv4_mapped, address.sixtofour]
    if address.teredo is not None:
        inner += address.teredo
    if any(address in network for network in _NAT64):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in inner if one is not None]


@dataclass(frozen=True)
class NetworkGuard:
    """
    Decides which addresses may be connected to.

    :param networks: Networks that may be reached although they are not public.
    :param resolve: Finds the addresses of a name, as `socket.getaddrinfo` does.
    """

    networks: Sequence[Network] = ()
    resolve: Resolve = socket.getaddrinfo

    def allows(self, address: Address) -> bool:
        """Whether an address may be connected to."""
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        ways = [address] if mapped is None else [address, mapped]
        return is_public(address) or any(
            way in network for way in ways for network in self.networks
        )

    def addresses(self, host: str, port: int) -> list[str]:
        """
        The addresses of a host that may be connected to.

        :raises AccessError: There are only others.
        :raises OSError: The name is not known.
        """
        found = self.resolve(host.strip("[]"), port, type=socket.SOCK_STREAM)
        numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = [number for number in numbers if self.allows(_parsed(number))]
        if not allowed:
            raise AccessError(
                f"{host} is in a network that is not public ({', '.join(numbers)}). The operator"
                f" can allow it: {SETTING}={numbers[0] if numbers else 'ADDRESS'}"
            )
        return allowed

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """
        Open a connection to a host that may be reached.

        :raises AccessError: It may not be reached.
        :raises OSError: It does not answer.
        """
        failure: OSError | None = None
        for number in self.addresses(host, port):
            try:
                return socket.create_connection((number, port), timeout_s)
            except OSError as error:
                failure = error
        assert failure is not None, "there is an address"
        raise failure


def _parsed(number: str) -> Address:
    return ip_address(number.partition("%")[0])  # without the interface of a local one
