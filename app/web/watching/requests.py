"""The outermost layer: names each request for the log, and measures its answer."""

from __future__ import annotations

import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import trail
from app.access.visitor import token_of, visitor_of
from app.live import metrics

# First steps of paths, as the label `route` names them. Other paths are `other`: strangers make up
# any number of them.
ROUTES = (
    "/v1/chat/completions", "/v1/embeddings", "/v1/models", "/v1", "/api/v1/documents",
    "/api/v1/search", "/api/v1/ask", "/api/v1/feedback", "/api/v1/versions", "/api/v1/jobs",
    "/api/v1", "/mcp", "/admin/gradio_api", "/admin", "/gradio_api/queue", "/gradio_api", "/login",
    "/logout", "/uploads", "/conversations", "/source", "/assets", "/static", "/healthz", "/readyz",
    "/metrics",
)  # fmt: skip


def route_of(path: str) -> str:
    """The label of a path."""
    if path == "/":
        return "/"
    return next((one for one in ROUTES if path == one or path.startswith(f"{one}/")), "other")


class MeasureRequests:
    """ASGI middleware. A request's time is that until its answer begins, because streams last."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = trail.request_id(Headers(scope=scope).get("x-request-id", ""))
        scope[trail.REQUEST_KEY] = request
        started, route = time.monotonic(), route_of(scope["path"])

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request
                metrics.http_requests.labels(route, message["status"]).inc()
                metrics.http_seconds.labels(route).observe(time.monotonic() - started)
            await send(message)

        with trail.following(request=request, visitor=visitor_here(HTTPConnection(scope))):
            return await self.app(scope, receive, send_measured)


def visitor_here(connection: HTTPConnection) -> str:
    """The beginning of the visitor's digest, or nothing for a client without the cookie."""
    return visitor_of(connection)[: trail.SHOWN_CHARS] if token_of(connection) else ""
