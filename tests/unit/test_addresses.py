"""Who is behind the proxies, and which host names are answered."""

from __future__ import annotations

import pytest

from app.access.addresses import Hosts, Proxies, place
from app.settings import Settings


def _settings(**values):
    return Settings().model_copy(update=values)


def _client(peer, header, **values):
    hops = header.split(",") if header else []
    return Proxies.of(_settings(**values)).client(peer, hops)


@pytest.mark.parametrize(
    ("peer", "header", "settings", "client"),
    [
        # nobody in front: the header is the client's own word
        ("203.0.113.1", "198.51.100.1", {}, "203.0.113.1"),
        # a proxy on this machine, as it is by default
        ("127.0.0.1", "198.51.100.1", {}, "198.51.100.1"),
        ("127.0.0.1", "192.0.2.66, 198.51.100.1", {}, "198.51.100.1"),
        ("127.0.0.1", "", {}, "127.0.0.1"),
        ("10.0.0.2", "1.1.1.1, 198.51.100.1, 10.0.0.7", {"trusted_proxies": "10.0.0.0/8"}, "198.51.100.1"),
        # so many in front, whatever their addresses
        ("10.0.0.2", "192.0.2.66, 198.51.100.1", {"proxies": 1}, "198.51.100.1"),
        ("10.0.0.2", "192.0.2.66, 198.51.100.1, 10.0.0.3", {"proxies": 2}, "198.51.100.1"),
        ("10.0.0.2", "", {"proxies": 1}, "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1", {"proxies": 3}, "10.0.0.2"),
        ("10.0.0.2", "junk", {"proxies": 1}, "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1:4711", {"proxies": 1}, "198.51.100.1"),
        ("10.0.0.2", "[2001:db8::1]:4711", {"proxies": 1}, "2001:db8::1"),
        ("203.0.113.1", "198.51.100.1", {"proxies": 0, "trusted_proxies": ""}, "203.0.113.1"),
        # a Space's own hops are private
        ("10.0.0.2", "192.0.2.66, 8.8.4.4, 10.16.3.3", {"system": "spaces"}, "8.8.4.4"),
        ("10.0.0.2", "192.0.2.66, 8.8.4.4", {"system": "spaces"}, "8.8.4.4"),
    ],
)  # fmt: skip
def test_the_client_is_read_from_the_right(peer, header, settings, client):
    """Entries left of our own proxies' hops can be forged by anybody."""
    assert _client(peer, header, **settings) == client


def test_neighbours_count_as_one_where_addresses_are_cheap():
    """An IPv6 customer has a whole /64. Text that is no address is truncated."""
    assert place("2001:db8:0:1::1") == place("2001:db8:0:1:ffff::2") == "2001:db8:0:1::/64"
    assert place("198.51.100.7") != place("198.51.100.8")
    assert place("198.51.100.7", size="wide") == place("198.51.100.8", size="wide")
    assert place("::ffff:198.51.100.7") == place("198.51.100.7")
    assert len(place("x" * 1000)) == 64


@pytest.mark.parametrize(
    ("settings", "listens", "answered", "refused"),
    [
        ({}, "127.0.0.1", ["localhost", "127.0.0.1:80"], ["docs.example.org", "192.0.2.1"]),
        ({}, "0.0.0.0", ["docs.example.org", "192.0.2.1"], []),
        ({"space_host": "x.hf.space"}, "127.0.0.1", ["x.hf.space"], ["y.hf.space"]),
        (
            {"allowed_hosts": "Docs.Example.org, *.example.com, 192.0.2.1"},
            "0.0.0.0",
            ["docs.example.org:443", "a.example.com", "192.0.2.1", "localhost"],
            ["example.com", "evil.org", "evilexample.com", "192.0.2.2"],
        ),
        ({"allowed_hosts": "*"}, "127.0.0.1", ["anything"], []),
    ],
)
def test_host_names_that_are_answered(settings, listens, answered, refused):
    """This machine's own on loopback, those of the setting everywhere."""
    hosts = Hosts.of(_settings(**settings), listens)
    assert [host for host in answered if not hosts.answers(host)] == []
    assert [host for host in refused if hosts.answers(host)] == []
