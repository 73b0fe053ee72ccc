"""
The web application: the chat at "/", the admin pages, health and metrics, and the access checks.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import gradio as gr
import gradio.queueing
import gradio.route_utils
import gradio.routes
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from app import look
from app.access import faults, guard, login
from app.access.addresses import Hosts
from app.access.auth import Access
from app.access.bodies import Bodies, upload_limits
from app.access.events import Events
from app.access.guard import Guard
from app.access.policy import unknown_collections
from app.access.reader import clear_all, reader_of
from app.access.sessions import Sessions
from app.access.visitor import VisitorCookie
from app.admin import downloads
from app.admin import page as admin_page
from app.chat import layout, page
from app.chat.picker import routes as picker_routes
from app.chat.rendering import markup
from app.chat.sharing import routes as sharing
from app.chat.source import routes as sources
from app.chat.stops import Stops
from app.services import Services
from app.settings import keep_uploads_in
from app.web import uploads
from app.web.api import documents as api_documents
from app.web.api import mcp, openai, openapi, rest
from app.web.lost import LostPage
from app.web.temporary import TemporaryFolder
from app.web.watching import health
from app.web.watching.loop import LoopWatch
from app.web.watching.requests import MeasureRequests
from pipelines.indexing.pages.drawer import RECOGNISING, Drawer
from pipelines.store import chats, document_list

log = logging.getLogger(__name__)

# asyncio's default is min(32, cores + 4), too few because one question waits in several threads.
THREADS = 40


def create_app(services: Services, host: str | None = None) -> FastAPI:
    """
    The application, ready to be served by uvicorn.

    :param host: The address that it listens on, if it is not the setting's.
    """

    faults.shorten(gradio.queueing, gradio.routes, gradio.route_utils)
    passing = TemporaryFolder(services.settings.home)
    drawer, recogniser, loop = Drawer(), Drawer(RECOGNISING), LoopWatch()
    keep_uploads_in(passing.path)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        measuring = asyncio.create_task(loop.run())
        async with assistants.open():
            yield
        measuring.cancel()
        for child in (drawer, recogniser):
            child.abandon()
            child.close()
        passing.close()

    app = FastAPI(
        title="Attune", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    health.add(app, services, loop)
    _add_export(app, services)
    sharing.add(app, services)
    uploads.add(app, services, passing.path)
    picker_routes.add(app, services)
    openai.add(app, services)
    openapi.add(app)
    rest.add(app, services)
    api_documents.add(app, services, passing.path)
    assistants = mcp.add(app, services)
    access = app.state.access = Access(services.pool, services.settings)
    login.add(app, access, services.pool)
    with services.pool.connection() as conn:
        if warning := unknown_collections(access.readers, document_list.collections(conn)):
            log.warning("%s", warning)
    app.state.stops = Stops()
    sources.add(app, services, drawer, recogniser)
    # A mount at "/" answers every path, so the other one comes first.
    admin = _mount_admin(app, services)
    chat = _mount_chat(app, services, access)
    app.add_middleware(LostPage)
    app.add_middleware(VisitorCookie)
    events = Events({"": chat, "/admin": admin}, Sessions())
    app.add_middleware(Bodies, uploads=upload_limits(services.settings), check=events)
    hosts = Hosts.of(services.settings, host or services.settings.host)
    app.add_middleware(Guard, access=access, hosts=hosts)
    app.add_middleware(MeasureRequests)
    return app


# Gradio's defaults would show errors to strangers, publish usage figures, and add links to its pages.
MOUNT: dict[str, Any] = {
    "show_error": False,
    "enable_monitoring": False,
    "run_history": False,
    "ssr_mode": False,
    "mcp_server": False,
    "allowed_paths": [],
    "footer_links": [],
}


def _mount(app: FastAPI, blocks: gr.Blocks, path: str, **options: Any) -> gr.Blocks:
    gr.mount_gradio_app(app, blocks, path=path, theme=look.theme(), **options, **MOUNT)
    # Gradio checks which files an event may name only once its own `launch` has run.
    blocks.has_launched = True
    return blocks


def _mount_admin(app: FastAPI, services: Services) -> gr.Blocks:
    @app.get("/admin")
    def to_admin() -> Response:
        return RedirectResponse("/admin/", 303)

    downloads.add(app, services)
    blocks = admin_page.build(services)
    blocks.queue(default_concurrency_limit=8, max_size=64)
    return _mount(
        app,
        blocks,
        "/admin",
        auth_dependency=guard.known_admin,
        css_paths=[layout.STYLE, *admin_page.STYLES],
        head=admin_page.head(),
        max_file_size=f"{services.settings.max_upload_mb}mb",
    )


def _mount_chat(app: FastAPI, services: Services, access: Access) -> gr.Blocks:
    blocks = page.build(services, app.state.stops)
    blocks.queue(default_concurrency_limit=32, max_size=256)
    return _mount(
        app,
        blocks,
        "/",
        auth_dependency=guard.known if access.policy.chat_ways else None,
        css_paths=[layout.STYLE],
        head=look.head(),
        max_file_size="1kb",
    )


def _add_export(app: FastAPI, services: Services) -> None:
    @app.get("/conversations/{conversation_id}.{ending}")
    def export(conversation_id: UUID, ending: str, request: Request) -> Response:
        """Return one of the visitor's conversations as Markdown or JSON."""
        reader = reader_of(request)
        with services.pool.connection() as conn:
            conversation = chats.get(conn, reader.visitor, conversation_id)
            messages = clear_all(reader, chats.messages(conn, reader.visitor, conversation_id))
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
