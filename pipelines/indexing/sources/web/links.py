"""Addresses of a website: written in one way, below another, found in a page. Pure."""

from __future__ import annotations

import mimetypes
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from pipelines.errors import InputError
from pipelines.indexing.readers.kinds import Kind, kind_of
from pipelines.indexing.readers.web import markup

PORTS = {"http": 80, "https": 443}
PAGES = ("text/html", "application/xhtml+xml")
# What servers say of files that they do not know.
UNTOLD = ("", "application/octet-stream", "binary/octet-stream")
MOST_CHARS = 2000
# Left out although they can be read: a site has many, and few hold text.
PICTURES = "image/*"
_NOFOLLOW = re.compile(r"\bnofollow\b", re.I)
# Written as they are in an address.
_PLAIN = "/:@!$&'()*+,;=~%-._"


def normal(address: str, base: str = "") -> str | None:
    """
    An address without its fragment, in one way of writing.

    :param base: Where a relative address was found.
    :returns: None if it leads to no page: another scheme, mistyped, too long.
    """
    try:
        parts = urlsplit(urljoin(base, address.strip()))
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower().rstrip(".")
    if scheme not in PORTS or not host or parts.username is not None:
        return None
    name = f"[{host}]" if ":" in host else host
    where = name if port in (None, PORTS[scheme]) else f"{name}:{port}"
    path = _clean_path(parts.path)
    query = quote(parts.query, safe=_PLAIN + "?")
    found = urlunsplit((scheme, where, path, query, ""))
    return found if len(found) <= MOST_CHARS else None


def _clean_path(path: str) -> str:
    """A path without ``.`` and ``..``, escaped where it must be."""
    if not path:
        return "/"
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if path.endswith(("/", "/.", "/..")) and clean != "/":
        clean += "/"
    return quote(clean, safe=_PLAIN)


def origin(address: str) -> str:
    """The scheme and the machine of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def folder_of(address: str) -> str:
    """The address that everything in the same folder begins with."""
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path.rpartition('/')[0]}/"


def is_below(address: str, folder: str) -> bool:
    """Whether an address is in a folder or below, whatever its scheme."""
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path}".startswith(folder)


@dataclass(frozen=True)
class LinkedPage:
    """What is read of a page beside its text."""

    title: str
    links: tuple[str, ...]


def look_into(content: bytes, address: str) -> LinkedPage:
    """The title and the links of a page. A damaged one has none."""
    import lxml.html
    from lxml.etree import LxmlError

    try:
        tree = lxml.html.document_fromstring(markup.decoded(content).replace("\x00", ""))
    except (LxmlError, ValueError):
        return LinkedPage("", ())
    base = tree.find(".//base[@href]")
    where = urljoin(address, base.get("href")) if base is not None else address
    links = dict.fromkeys(
        link
        for found in tree.iter("a", "area", "iframe", "frame")
        if not _NOFOLLOW.search(found.get("rel") or "")
        and (target := found.get("href") or found.get("src"))
        and (link := normal(target, where)) is not None
    )
    title = " ".join((tree.findtext(".//head/title") or "").split())
    return LinkedPage(title[:300], tuple(links))


def is_file(address: str) -> bool:
    """Whether an address looks like one of a file that is worth a request: no picture, no style."""
    name = unquote(posixpath.basename(urlsplit(address).path))
    guess = mimetypes.guess_type(name)[0] or ""
    return not guess.startswith(("image/", "audio/", "video/", "font/")) and not name.endswith(
        (".css", ".js", ".woff2", ".map")
    )


def document_source(address: str, mime: str) -> str:
    """
    The file name for an address. Its ending tells the kind of file.

    :param mime: What the server says that it is.
    :raises InputError: It is of no kind that is read.
    """
    if mime in PAGES:
        # What a server shows as a page is one, whatever its name: page.php, /licence
        return address if kind_of(address).mime == PAGES[0] else f"{address}#page.html"
    own = _kind_of_file(address)
    if own is not None and (mime in UNTOLD or mime.startswith("text/") or mime == own.mime):
        return _checked(address, own)
    if own is not None and mimetypes.guess_type(address)[0] == mime:
        return _checked(address, own)
    ending = mimetypes.guess_extension(mime) or ""
    return _checked(f"{address}#file{ending}", kind_of(f"file{ending}"))


def _kind_of_file(address: str) -> Kind | None:
    """The kind that the ending of an address tells, if it has one that is known."""
    try:
        return kind_of(unquote(posixpath.basename(urlsplit(address).path)))
    except InputError:
        return None


def _checked(source: str, kind: Kind) -> str:
    if kind.mime == PICTURES:
        raise InputError("pictures of a website are left out")
    return source


def title_of(address: str) -> str:
    """What a page without a title is called."""
    parts = urlsplit(address)
    return unquote(posixpath.basename(parts.path.rstrip("/"))) or parts.netloc
