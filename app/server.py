"""
The web server: the chat at "/", health and metrics beside it, and what keeps strangers out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import gradio as gr
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.chat import markup, page
from app.chat.turns import Stops
from app.visitor import VisitorCookie, visitor_of
from app.wiring import Services
from pipelines.store import active, chats, documents

# asyncio's own default is min(32, cores + 4), too few where a question waits in several threads.
THREADS = 40
HEADERS = {
    # Gradio's own page starts with inline scripts and styles; nothing may come from elsewhere.
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


class Guard:
    """ASGI middleware: security headers; no cross-site writes; no uploads to the chat."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        refusal = self._refusal(HTTPConnection(scope), scope["method"])
        if refusal is not None:
            return await PlainTextResponse(refusal, 403)(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        return await self.app(scope, receive, send_with_headers)

    @staticmethod
    def _refusal(connection: HTTPConnection, method: str) -> str | None:
        if method in ("GET", "HEAD", "OPTIONS"):
            return None
        origin = connection.headers.get("origin")
        host = connection.headers.get("x-forwarded-host") or connection.headers.get("host", "")
        if origin and urlsplit(origin).netloc != host:
            return "Requests from other sites are refused."
        if connection.url.path.rstrip("/").endswith("/upload"):
            return "The chat takes no uploads."
        return None


def create_app(services: Services) -> FastAPI:
    """The application, ready to be served by uvicorn."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        yield

    app = FastAPI(
        title="Attune", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    _add_health(app, services)
    _add_export(app, services)
    app.state.stops = Stops()
    blocks = page.build(services, app.state.stops)
    blocks.queue(default_concurrency_limit=32, max_size=256)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=page.theme(),
        css_paths=[page.STYLE],
        head=page.head(),
        show_error=False,
        enable_monitoring=False,
        ssr_mode=False,
        allowed_paths=[],
        max_file_size="1kb",
        footer_links=[],
    )
    app.add_middleware(VisitorCookie)
    app.add_middleware(Guard)
    return app


def _add_health(app: FastAPI, services: Services) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """The process lives."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        """A question can be answered: the database is there and a version serves."""
        try:
            with services.pool.connection(timeout=2) as conn:
                pointer = active.get(conn)
            handle = services.replica.current()
        except Exception as error:  # whatever is wrong, the answer is "not now"
            return JSONResponse({"status": "not ready", "reason": type(error).__name__}, 503)
        if pointer is None:
            return JSONResponse({"status": "not ready", "reason": "no version is active"}, 503)
        return JSONResponse(
            {"status": "ready", "version": handle.model_name, "epoch": handle.epoch}
        )

    @app.get("/metrics")
    def prometheus() -> Response:
        """Counters of this process."""
        with services.pool.connection(timeout=2) as conn:
            for status, count in documents.count_by_status(conn).items():
                metrics.documents.labels(status).set(count)
            pointer = active.get(conn)
        metrics.epoch.set(pointer.epoch if pointer else 0)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_export(app: FastAPI, services: Services) -> None:
    @app.get("/conversations/{conversation_id}.{ending}")
    def export(conversation_id: UUID, ending: str, request: Request) -> Response:
        """A conversation of the visitor's own, as Markdown or JSON."""
        visitor = visitor_of(request)
        with services.pool.connection() as conn:
            conversation = chats.get(conn, visitor, conversation_id)
            messages = chats.messages(conn, visitor, conversation_id)
        if conversation is None or ending not in ("md", "json"):
            raise HTTPException(404, "There is no such conversation.")
        if ending == "md":
            body, kind = markup.transcript(conversation.title, messages), "text/markdown"
        else:
            body, kind = _as_json(conversation.title, messages), "application/json"
        disposition = f'attachment; filename="conversation-{conversation_id}.{ending}"'
        return Response(body, media_type=kind, headers={"content-disposition": disposition})


def _as_json(title: str, messages: list[chats.Message]) -> str:
    def plain(value: Any) -> Any:
        return vars(value) if hasattr(value, "__dict__") else str(value)

    return json.dumps(
        {"title": title, "messages": messages}, default=plain, ensure_ascii=False, indent=1
    )
