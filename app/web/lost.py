"""The page that a browser gets, instead of JSON, for an address that does not exist."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import login

_ENVIRONMENT = Environment(
    loader=FileSystemLoader([Path(__file__).parent, login.TEMPLATES]), autoescape=True
)
PAGE = _ENVIRONMENT.get_template("lost.html").render()


class LostPage:
    """ASGI middleware that answers 404 with a page if the client accepts HTML."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _reads_pages(scope):
            return await self.app(scope, receive, send)
        lost = False

        async def send_page(message: Message) -> None:
            nonlocal lost
            if message["type"] == "http.response.start" and message["status"] == 404:
                lost = True
                await HTMLResponse(PAGE, 404)(scope, receive, send)
            elif not lost:
                await send(message)

        return await self.app(scope, receive, send_page)


def _reads_pages(scope: Scope) -> bool:
    accepted = Headers(scope=scope).get("accept", "")
    return scope["method"] == "GET" and "text/html" in accepted
