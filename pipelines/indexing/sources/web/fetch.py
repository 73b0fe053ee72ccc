"""
Fetches one address at a time: politely, within bounds, and only where the guard allows.

Proxies of the environment are not used, because they would connect to what the guard refuses.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError

from pipelines.errors import InputError, NotReadyError
from pipelines.indexing.sources.guard import NetworkGuard
from pipelines.indexing.sources.web import links
from pipelines.progress import Task

AGENT = "Attune"
MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
BUSY = (429, 503)
# What a server may ask for between two requests, or until it is less busy.
LONGEST_PAUSE_S = 60.0
TRIES = 3
CONNECT_S, SILENT_S, PAGE_S = 10.0, 30.0, 180.0
PIECE_BYTES = 65_536
TICK_S = 0.2
_MIME = re.compile(r"^\s*([\w.+-]+/[\w.+-]+)")


@dataclass(frozen=True)
class Bounds:
    """
    What one reading of a website may take.

    :param page_mb: Of one page or file.
    :param delay_s: Between two requests.
    """

    pages: int = 1000
    page_mb: int = 100
    total_mb: int = 1000
    minutes: float = 60
    depth: int = 10
    delay_s: float = 0.5


@dataclass(frozen=True)
class Response:
    """
    What a server answered.

    :param address: Where the answer came from, after redirects.
    :param stamp: Its etag or time of change. Empty if it says neither.
    """

    status: int
    address: str
    mime: str
    stamp: str
    content: bytes = b""


@dataclass
class Fetcher:
    """
    Sends requests one after the other, with a pause between them.

    :param login: The value of the header `Authorization` for `origin`, and for no other place.
    """

    guard: NetworkGuard
    bounds: Bounds
    origin: str = ""
    login: str = ""
    delay_s: float = 0.0
    received_bytes: int = 0
    began: float = field(default_factory=time.monotonic)
    _last: float = 0.0
    _pool: Any = None

    def __post_init__(self) -> None:
        self._pool = _pool(self.guard)
        self.delay_s = self.bounds.delay_s

    @property
    def is_over(self) -> str:
        """Which bound is reached, in words. Empty if none is."""
        if time.monotonic() - self.began > self.bounds.minutes * 60:
            return f"{self.bounds.minutes:g} minutes are over (ATTUNE_SOURCE_MINUTES)"
        if self.received_bytes > self.bounds.total_mb * 10**6:
            return f"{self.bounds.total_mb:,} MB are read (ATTUNE_SOURCE_MB)"
        return ""

    def get(self, address: str, task: Task, stamp: str = "", below: str = "") -> Response:
        """
        Fetch an address.

        :param stamp: Answer with the status 304 if this is still its stamp.
        :param below: Where redirects may lead (`links.folder_of`). Empty means anywhere.
        :raises InputError: It leads in a circle, elsewhere, or is too large.
        :raises NotReadyError: It does not answer, or not in time.
        :raises AccessError: The guard refuses it.
        """
        here = address
        for _ in range(MOST_REDIRECTS + 1):
            found = self._patiently(here, task, stamp)
            if isinstance(found, Response):
                return found
            if below and not links.is_below(found, below):
                raise InputError(f"it leads elsewhere, to {found}")
            here = found
        raise InputError(f"it leads on more than {MOST_REDIRECTS} times")

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _patiently(self, address: str, task: Task, stamp: str) -> Response | str:
        """Ask again after a pause where a server is busy."""
        pause = 0.0
        for tries in range(TRIES):
            self._wait(pause or self.delay_s, task)
            found, after = self._once(address, stamp)
            if isinstance(found, str) or found.status not in BUSY or tries == TRIES - 1:
                return found
            pause = after if after is not None else 2.0 ** (tries + 1)
            if pause > LONGEST_PAUSE_S:
                return found
        raise AssertionError("the last try returns")

    def _wait(self, pause_s: float, task: Task) -> None:
        while (left := self._last + pause_s - time.monotonic()) > 0:
            task.check()
            time.sleep(min(left, TICK_S))
        self._last = time.monotonic()

    def _once(self, address: str, stamp: str) -> tuple[Response | str, float | None]:
        """An answer, or where it leads. :returns: Also for how many seconds to wait if it is busy."""
        try:
            reply = self._pool.request(
                "GET",
                address,
                headers=self._headers(address, stamp),
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                return self._answer(reply, address), _seconds(reply.headers.get("retry-after"))
            finally:
                reply.close()  # a connection whose answer was read to its end is kept
        except HTTPError as error:
            raise NotReadyError(f"it does not answer: {_reason(error)}") from error

    def _answer(self, reply: Any, address: str) -> Response | str:
        if reply.status in REDIRECTS:
            target = links.normal(reply.headers.get("location", ""), address)
            if target is None:
                raise InputError("it leads to no address of a page")
            return target
        mime = _MIME.match(reply.headers.get("content-type", ""))
        stamp = reply.headers.get("etag") or reply.headers.get("last-modified") or ""
        content = self._body(reply) if reply.status == 200 else b""
        return Response(
            reply.status, address, mime.group(1).lower() if mime else "", stamp, content
        )

    def _body(self, reply: Any) -> bytes:
        """A body within the bounds of size and time, unpacked."""
        most, pieces, size = self.bounds.page_mb * 10**6, [], 0
        began = time.monotonic()
        for piece in reply.stream(PIECE_BYTES, decode_content=True):
            size += len(piece)
            self.received_bytes += len(piece)
            if time.monotonic() - began > PAGE_S:
                raise NotReadyError(f"it takes longer than {PAGE_S:g} s")
            if size > most:
                raise InputError(f"it has more than {self.bounds.page_mb} MB")
            if over := self.is_over:
                raise NotReadyError(f"it was not read to the end: {over}")
            pieces.append(piece)
        return b"".join(pieces)

    def _headers(self, address: str, stamp: str) -> Mapping[str, str]:
        headers = {
            "user-agent": f"{AGENT} (document sync)",
            "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "accept-encoding": "gzip, deflate",
        }
        if stamp:
            is_etag = stamp.startswith(('"', "W/"))
            headers["if-none-match" if is_etag else "if-modified-since"] = stamp
        if self.login and self.origin == links.origin(address):
            headers["authorization"] = self.login
        return headers


def _seconds(text: str | None) -> float | None:
    """Of the header `Retry-After`. A date there is not understood."""
    return float(text) if text and text.isascii() and text.isdigit() else None


def _reason(error: BaseException) -> str:
    """The system's reason behind a library's error."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, TimeoutError):
            return "no answer in time"
        if isinstance(behind, OSError) and behind.strerror:
            return behind.strerror
        behind = behind.__cause__ or behind.__context__
    return type(error).__name__


def _pool(guard: NetworkGuard) -> urllib3.PoolManager:
    """Connections that are opened by the guard and by nothing else."""

    def open_connection(self: Any) -> socket.socket:
        try:
            found = guard.connect(self._dns_host, self.port, CONNECT_S)
        except OSError as error:
            raise NewConnectionError(self, error.strerror or str(error)) from error
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    class Plain(HTTPConnection):
        _new_conn = open_connection

    class Encrypted(HTTPSConnection):
        _new_conn = open_connection

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Encrypted

    timeout = urllib3.Timeout(connect=CONNECT_S, read=SILENT_S)
    manager = urllib3.PoolManager(num_pools=2, timeout=timeout)
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
    return manager
