"""
Identifies browsers by an unguessable cookie. The database has only its digest.

Gradio's session hash is chosen by the client and proves nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from http.cookies import SimpleCookie

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "attune_visitor"
MAX_AGE_S = 400 * 24 * 3600  # the longest that browsers keep
_TOKEN = re.compile(r"[\w-]{32,64}")


def visitor_of(connection: HTTPConnection) -> str:
    """
    The visitor's name in the database.

    A client without the cookie gets a new name that it cannot use again.
    """
    token = token_of(connection) or secrets.token_urlsafe(32)
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def token_of(connection: HTTPConnection) -> str | None:
    """The token in the visitor's cookie, or None without a valid one."""
    token = connection.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else None


class VisitorCookie:
    """ASGI middleware that gives a cookie to every browser that opens a page without one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        connection = HTTPConnection(scope)
        if token_of(connection) is not None:
            return await self.app(scope, receive, send)
        cookie = _cookie(secure=is_https(connection))

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", cookie)
            await send(message)

        return await self.app(scope, receive, send_with_cookie)


def is_https(connection: HTTPConnection) -> bool:
    """Whether the browser uses https, at least as far as a proxy."""
    forwarded = connection.headers.get("x-forwarded-proto", connection.url.scheme)
    return forwarded.split(",")[0].strip() == "https"


def _cookie(*, secure: bool) -> str:
    jar = SimpleCookie()
    jar[COOKIE] = secrets.token_urlsafe(32)
    jar[COOKIE]["httponly"] = True
    jar[COOKIE]["path"] = "/"
    jar[COOKIE]["max-age"] = MAX_AGE_S
    # A Space is shown in a frame of another site, where browsers keep only such a cookie. They accept
    # it over https only.
    jar[COOKIE]["samesite"] = "None" if secure else "Lax"
    jar[COOKIE]["secure"] = secure
    return jar[COOKIE].OutputString() + ("; Partitioned" if secure else "")
