"""A website on this machine that changes while it is read."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Reply:
    """What a path answers."""

    content: bytes = b""
    mime: str = "text/html; charset=utf-8"
    status: int = 200
    location: str = ""
    has_etag: bool = True


@dataclass
class Site:
    """
    Pages by their paths, and the paths that were asked for, with the status of each answer.

    """

    pages: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    delay_s: float = 0.0
    entered: threading.Event = field(default_factory=threading.Event)

    def page(self, path: str, text: str, *linked: str, title: str = "") -> None:
        """Put a page that links to others."""
        anchors = "".join(f'<p><a href="{target}">to {target}</a></p>' for target in linked)
        head = f"<head><title>{title or path}</title></head>"
        body = f"<body><main><h1>{title or path}</h1><p>{text}</p>{anchors}</main></body>"
        self.pages[path] = Reply(f"<html>{head}{body}</html>".encode())

    def paths(self, status: int = 200) -> list[str]:
        """The paths that were answered with a status."""
        return [path for path, got in self.asked if got == status]


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve a site on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.headers.append({k.lower(): v for k, v in self.headers.items()})
            if site.delay_s:
                site.entered.set()
                threading.Event().wait(site.delay_s)
            reply = site.pages.get(self.path, Reply(b"no", status=404))
            etag = f'"{hashlib.sha256(reply.content).hexdigest()[:16]}"'
            status = reply.status
            if reply.has_etag and status == 200 and self.headers.get("if-none-match") == etag:
                status = 304
            site.asked.append((self.path, status))
            content = b"" if status == 304 else reply.content
            self.send_response(status)
            self.send_header("content-type", reply.mime)
            self.send_header("content-length", str(len(content)))
            if reply.has_etag:
                self.send_header("etag", etag)
            if reply.location:
                self.send_header("location", reply.location)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
