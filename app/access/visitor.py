"""
Identifies browsers by an unguessable cookie. The database has only its digest.

Gradio's session hash is chosen by the client and proves nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import cookies

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
        cookie = cookies.header(
            COOKIE,
            secrets.token_urlsafe(32),
            secure=cookies.is_https(connection),
            framed=True,
            max_age_s=MAX_AGE_S,
        )

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", cookie)
            await send(message)

        return await self.app(scope, receive, send_with_cookie)
