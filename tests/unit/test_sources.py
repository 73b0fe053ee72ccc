"""Sources of documents: what has changed in them, whom they may reach, how addresses are written."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import AccessError, InputError
from pipelines.indexing.readers.kinds import kind_of
from pipelines.indexing.sources import plan
from pipelines.indexing.sources.entries import SourceEntry
from pipelines.indexing.sources.guard import NetworkGuard, is_public, parse_networks
from pipelines.indexing.sources.web import links
from pipelines.store.source_entries import KnownEntry


def entry(key, stamp="1", size=3):
    return SourceEntry(key, f"/docs/{key}", key, size, stamp, bytes)


def known(key, stamp="1", size=3, sha256="a", document_id=1, failure=None):
    return KnownEntry(key, f"/docs/{key}", size, stamp, sha256, failure, [], 1, document_id)


@pytest.mark.parametrize(
    ("before", "now", "is_read"),
    [
        (None, entry("a"), True),
        (known("a"), entry("a"), False),
        (known("a"), entry("a", stamp="2"), True),
        (known("a"), entry("a", size=4), True),
        (known("a", stamp=""), entry("a", stamp=""), True),
        (known("a", document_id=None), entry("a"), True),
        (known("a", failure="it is damaged"), entry("a"), False),
    ],
    ids=["new", "same", "touched", "longer", "no stamp", "deleted here", "failed before"],
)
def test_only_what_may_have_changed_is_read(before, now, is_read):
    found = plan.to_read({} if before is None else {"a": before}, [now])
    assert found == ([now] if is_read else [])


def test_a_renamed_file_is_told_from_one_that_is_gone():
    before = {
        "old": known("old", sha256="x"),
        "lost": known("lost", sha256="y"),
        "kept": known("kept"),
    }
    found = plan.ending(before, {"new", "kept"}, {"new": "x"})
    assert found == plan.Ending([("old", "new")], ["lost"])


def test_two_files_of_one_content_are_renamed_once_each():
    before = {"a": known("a"), "b": known("b"), "c": known("c")}
    found = plan.ending(before, {"x", "y"}, {"x": "a", "y": "a"})
    assert found == plan.Ending([("a", "x"), ("b", "y")], ["c"])


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_whatever_is_missing_is_renamed_or_gone(before, there):
    """Hand-made law: no key of what was known is lost, and none that is there is named."""
    found = plan.ending(
        {k: known(k, sha256=k) for k in before}, there, dict.fromkeys(there - before, "a")
    )
    missing = [old for old, _ in found.renamed] + found.gone
    assert sorted(missing) == sorted(before - there)
    assert len({new for _, new in found.renamed}) == len(found.renamed)


@pytest.mark.parametrize(
    ("gone", "known_count", "waits"), [(0, 0, False), (2, 10, False), (3, 10, True), (1, 1, True)]
)
def test_more_than_a_fifth_waits(gone, known_count, waits):
    assert plan.waits(gone, known_count) is waits


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.1.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.0.170", "::1", "::", "fe80::1", "fc00::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2001:db8::1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_no_address_of_a_private_network_is_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address):
    assert is_public(ip_address(address))


def resolving(*answers):
    """A resolver that answers with one list of numbers after the other."""
    waiting = list(answers)

    def resolve(host, port, **_):
        numbers = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (n, port)) for n in numbers]

    return resolve


def test_a_name_that_leads_into_a_private_network_is_refused():
    guard = NetworkGuard(resolve=resolving(["10.0.0.7"]))
    with pytest.raises(AccessError, match=r"not public \(10\.0\.0\.7\).*ATTUNE_SOURCE_NETWORKS"):
        guard.connect("intranet.example.org", 80, 1)


def test_of_several_addresses_only_public_ones_are_used():
    guard = NetworkGuard(resolve=resolving(["10.0.0.7", "8.8.8.8"]))
    assert guard.addresses("mixed.example.org", 80) == ["8.8.8.8"]


def test_a_network_that_the_operator_names_may_be_reached():
    guard = NetworkGuard(parse_networks("10.0.0.0/8, 127.0.0.1"), resolving(["10.0.0.7"]))
    assert guard.addresses("intranet.example.org", 80) == ["10.0.0.7"]
    assert guard.allows(ip_address("::ffff:127.0.0.1"))
    assert not guard.allows(ip_address("192.168.0.1"))


def test_a_network_that_is_none_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="ATTUNE_SOURCE_NETWORKS"):
        parse_networks("10.0.0.0/64")


@pytest.mark.parametrize(
    ("address", "base", "found"),
    [
        ("HTTP://Example.ORG:80/a/../b?x=1#y", "", "http://example.org/b?x=1"),
        ("../c d", "https://h.org/a/b/", "https://h.org/a/c%20d"),
        ("//other.org", "https://h.org/", "https://other.org/"),
        ("a%2fb/", "https://h.org/", "https://h.org/a%2fb/"),
        ("mailto:a@h.org", "https://h.org/", None),
        ("javascript:alert(1)", "https://h.org/", None),
        ("file:///etc/passwd", "https://h.org/", None),
        ("http://user:pass@h.org/", "", None),
        ("http://h.org:99999/", "", None),
        ("http://[::1", "", None),
    ],
)  # fmt: skip
def test_addresses_are_written_in_one_way(address, base, found):
    assert links.normal(address, base) == found


def test_what_is_below_an_address():
    below = links.folder_of("https://h.org/docs/intro")
    assert links.is_below("http://h.org/docs/a/b", below)
    assert not links.is_below("https://h.org/docs-old/", below)
    assert not links.is_below("https://h.org.evil.org/docs/", below)


def test_a_page_tells_its_title_and_its_links():
    page = links.look_into(
        b"""<html><head><title> A
        page </title><base href="/docs/"></head><body><a href="a.html#x">a</a><a href="a.html">b</a>
        <a rel="nofollow" href="no">c</a><a href="http://[">d</a></body>""",
        "https://h.org/",
    )
    assert page == links.LinkedPage("A page", ("https://h.org/docs/a.html",))


@pytest.mark.parametrize(
    ("address", "mime", "source", "kind"),
    [
        ("https://h.org/docs/", "text/html", "https://h.org/docs/", "HTML"),
        ("https://h.rs/", "text/html", "https://h.rs/", "HTML"),
        ("https://h.org/a.php", "text/html", "https://h.org/a.php#page.html", "HTML"),
        ("https://h.org/a.php?b=1", "text/html", "https://h.org/a.php?b=1", "HTML"),
        ("https://h.org/readme", "text/html", "https://h.org/readme#page.html", "HTML"),
        ("https://h.org/v1.2", "text/html", "https://h.org/v1.2", "HTML"),
        ("https://h.org/a.pdf", "application/pdf", "https://h.org/a.pdf", "PDF"),
        ("https://h.org/a.md", "text/plain", "https://h.org/a.md", "Markdown"),
        ("https://h.org/get?id=3", "application/pdf", "https://h.org/get?id=3#file.pdf", "PDF"),
        ("https://h.org/notes", "text/plain", "https://h.org/notes#file.txt", "text"),
        ("https://h.org/b.docx", "application/octet-stream", "https://h.org/b.docx", "Word"),
    ],
)
def test_the_name_of_a_page_tells_its_kind(address, mime, source, kind):
    assert links.document_source(address, mime) == source
    assert kind_of(source).name == kind


@pytest.mark.parametrize("mime", ["image/png", "font/woff2", "application/x-unheard-of"])
def test_what_is_not_read_of_a_website_is_refused(mime):
    with pytest.raises(InputError):
        links.document_source("https://h.org/a", mime)
