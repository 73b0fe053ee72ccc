"""
The outermost check of every request.

It decides who may reach which pages and which of Gradio's routes exist, refuses writes from other
sites, and adds the security headers. Gradio has more routes than its pages use, and some fetch
addresses for the client or receive files. Only the routes named here can be reached.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import faults, keys
from app.access.addresses import WATCHED, Hosts, Proxies, set_client
from app.access.auth import SCOPE_KEY, Access, Person
from pipelines.errors import DISK_FULL, is_disk_full

HEADERS = {
    # Gradio's page starts with inline scripts and styles. Nothing may come from other hosts.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'self' https://huggingface.co"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
FOREIGN_HOST = (
    "Attune does not answer to this host name. Whoever runs it can name it in ATTUNE_ALLOWED_HOSTS."
)
PERSON_KEY = "attune.person"
MOST_URL_BYTES, MOST_HEADER_BYTES = 8_000, 32_000
ADMIN = "/admin"
# Reachable without signing in, even if the chat is not.
PUBLIC = frozenset(
    ["/healthz", "/readyz", "/metrics", "/login", "/login/link", "/login/account",
     "/login/callback", "/logout", "/favicon.ico", "/robots.txt"]
)  # fmt: skip
# First step of the path below a mount's /gradio_api.
CHAT_ROUTES = frozenset(
    ["queue", "heartbeat", "info", "startup-events", "app_id", "cancel", "reset", "theme.css"]
)
ADMIN_ROUTES = CHAT_ROUTES | {"upload", "upload_progress", "file"}
_GRADIO = re.compile(r"^(?:/admin)?/gradio_api/(?P<route>[\w.-]*)(?:=(?P<target>.*))?")
# Gradio also answers these without its prefix.
_ELSEWHERE = re.compile(r"/(?:upload|monitoring(?:/.*)?|svelte/.*|openapi\.json)/?$")


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, access: Access, hosts: Hosts) -> None:
        self.app = app
        self._access = access
        self._hosts = hosts
        self._proxies = Proxies.of(access.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # there are no web sockets here
            return await send({"type": "websocket.close", "code": 1008})
        scope[SCOPE_KEY] = self._access
        set_client(scope, self._proxies)

        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refusal = await self._refusal(scope)
            return await (refusal or self.app)(scope, receive, send_with_headers)
        except Exception as error:
            faults.report(f"{scope['method']} request", error)
            if not has_started:
                reason, status, more = "An unexpected fault. The log tells more.", 500, {}
                if is_disk_full(error):
                    reason, status = DISK_FULL, 503
                elif faults.is_outage(error):
                    reason, status, more = faults.NO_DATABASE, 503, faults.SOON
                answer = JSONResponse({"detail": reason}, status, headers=more)
                if keys.is_interface(scope["path"]):
                    answer = keys.error(status, reason, headers=more)
                await answer(scope, receive, send_with_headers)
        return None

    async def _refusal(self, scope: Scope) -> Response | None:
        connection, path = HTTPConnection(scope), scope["path"]
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_URL_BYTES:
            return PlainTextResponse("This address is too long.", 414)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADER_BYTES:
            return PlainTextResponse("The headers of this request are too long.", 431)
        if path not in WATCHED and not self._hosts.answers(connection.headers.get("host", "")):
            return PlainTextResponse(FOREIGN_HOST, 421)
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and _is_foreign(connection):
            return PlainTextResponse("Requests from other sites are refused.", 403)
        if not _exists(path):
            return PlainTextResponse("There is nothing here.", 403)
        if keys.is_interface(path):
            key = await asyncio.to_thread(keys.identify, connection, self._access.pool)
            if isinstance(key, Response):
                return key
            scope[keys.CALLER_KEY] = key
            return None
        if path in PUBLIC or not (_is_admin(path) or self._access.policy.chat_ways):
            return None
        person = await asyncio.to_thread(self._access.person, connection)
        scope[PERSON_KEY] = person
        if person is None:
            return _ask_to_sign_in(connection, scope)
        if not (person.admin if _is_admin(path) else person.chats):
            return _ask_to_sign_in(connection, scope, 403)
        return None


def known(connection: HTTPConnection) -> str | None:
    """The name of the person that the guard let through, for Gradio's own check of a mount."""
    person: Person | None = connection.scope.get(PERSON_KEY)
    return person.name if person else None


def known_admin(connection: HTTPConnection) -> str | None:
    """The name of the admin that the guard let through, for the admin pages."""
    person: Person | None = connection.scope.get(PERSON_KEY)
    return person.name if person and person.admin else None


def _is_admin(path: str) -> bool:
    return path == ADMIN or path.startswith(f"{ADMIN}/")


def _exists(path: str) -> bool:
    """Whether the pages use this path."""
    if _ELSEWHERE.search(path) and not path.startswith(f"{ADMIN}/gradio_api/upload"):
        return False
    found = _GRADIO.match(path)
    if found is None:
        return True
    # Gradio would fetch an address on the client's behalf.
    if found["target"] is not None and re.match(r"(?i)\s*\w+:/", found["target"]):
        return False
    return found["route"] in (ADMIN_ROUTES if _is_admin(path) else CHAT_ROUTES)


def _is_foreign(connection: HTTPConnection) -> bool:
    """Whether a page of another site sent this request."""
    headers: Mapping[str, str] = connection.headers
    if headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = headers.get("origin")
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    return bool(origin) and urlsplit(origin or "").netloc != host


def _ask_to_sign_in(connection: HTTPConnection, scope: Scope, status: int = 401) -> Response:
    """Redirect a browser to the sign-in page, or answer with the reason."""
    page = "text/html" in connection.headers.get("accept", "")
    if page and scope["method"] == "GET":
        return RedirectResponse(f"/login?next={quote(scope['path'])}", 303)
    reason = "Sign in first: /login" if status == 401 else "This account may not do that."
    return JSONResponse({"detail": reason}, status)
