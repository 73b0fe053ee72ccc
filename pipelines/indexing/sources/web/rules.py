"""What a website says of itself: which addresses robots may fetch (robots.txt), and its sitemaps."""

from __future__ import annotations

import zlib
from collections import deque
from urllib.parse import urlsplit

from protego import Protego

from pipelines.errors import AttuneError, NotReadyError
from pipelines.indexing.sources.web import links
from pipelines.indexing.sources.web.fetch import AGENT, LONGEST_PAUSE_S, Fetcher
from pipelines.progress import Task

ROBOTS_CHARS = 500_000
MOST_SITEMAPS = 50
SITEMAP_BYTES = 50_000_000


def robots(fetcher: Fetcher, address: str, task: Task) -> Protego:
    """
    The rules of the site of an address. A site without them allows everything.

    :raises NotReadyError: They cannot be read, so nothing may be fetched.
    """
    parts = urlsplit(address)
    where = f"{parts.scheme}://{parts.netloc}/robots.txt"
    found = fetcher.get(where, task)
    if found.status == 200:
        text = found.content[:ROBOTS_CHARS].decode("utf-8", "replace")
    elif 400 <= found.status < 500 and found.status != 429:
        text = ""
    else:
        raise NotReadyError(f"{where} cannot be read (status {found.status}), so nothing is read.")
    rules = Protego.parse(text)
    delay_s = rules.crawl_delay(AGENT)
    if delay_s is not None:
        fetcher.delay_s = max(fetcher.delay_s, min(float(delay_s), LONGEST_PAUSE_S))
    return rules


def listed(
    fetcher: Fetcher, rules: Protego, address: str, task: Task, content: bytes | None = None
) -> list[str]:
    """
    The pages in the sitemaps of a site, of whatever host.

    :param content: The sitemap that the address is itself. Otherwise those that the rules name are
        read, or the one at the usual place.
    """
    parts = urlsplit(address)
    usual = f"{parts.scheme}://{parts.netloc}/sitemap.xml"
    named = [one for text in rules.sitemaps if (one := links.normal(text, address)) is not None]
    waiting = deque(named or [usual])
    found: list[str] = []
    if content is not None:
        waiting.clear()
        pages, others = _parsed(content)
        found += pages
        waiting.extend(others)
    read = set(waiting)
    while waiting and len(read) <= MOST_SITEMAPS:
        where = waiting.popleft()
        if urlsplit(where).netloc != parts.netloc or not rules.can_fetch(where, AGENT):
            continue
        try:
            reply = fetcher.get(where, task, below=f"{parts.netloc}/")
        except AttuneError:
            continue  # the links lead to the pages as well
        if reply.status == 200:
            pages, others = _parsed(reply.content)
            found += pages
            fresh = [one for one in others if one not in read]
            read.update(fresh)
            waiting.extend(fresh)
    return list(dict.fromkeys(found))


def is_sitemap(content: bytes) -> bool:
    """Whether a file is a sitemap, perhaps a packed one."""
    head = _unpacked(content[:65_536])[:2000]
    return b"<urlset" in head or b"<sitemapindex" in head


def _parsed(content: bytes) -> tuple[list[str], list[str]]:
    """The pages and the further sitemaps that a sitemap names. A damaged one names none."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        tree = etree.fromstring(_unpacked(content), parser)
    except (etree.LxmlError, ValueError):
        return [], []
    if tree is None:
        return [], []
    places = [
        address
        for place in tree.iter("{*}loc")
        if (address := links.normal(place.text or "")) is not None
    ]
    is_index = etree.QName(tree).localname == "sitemapindex"
    return ([], places) if is_index else (places, [])


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return unpacking.decompress(content, SITEMAP_BYTES)
    except zlib.error:
        return b""
