"""
The Model Context Protocol: what assistants may do with the documents, as three tools.

The same server answers over HTTP, where each request has a key, and over the standard streams of
`attune mcp`, where whoever starts it reads everything but visitors' own files.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import uuid4

from fastapi import FastAPI
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import ToolAnnotations
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.access import keys
from app.access.limits import BUSY, Limits
from app.services import Services
from app.web.api import models
from app.web.api.requests import SERVING
from pipelines.answering import as_json
from pipelines.answering.answer import MAX_QUESTION_CHARS
from pipelines.answering.events import Answer, Depth, Done
from pipelines.errors import AttuneError, NotReadyError
from pipelines.store import document_passages, documents, scope
from pipelines.store.api_keys import ApiKey
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId

PATH = "/mcp"
MOST_PASSAGES = 20
# Of one document in one reply. Assistants read on from `next_passage`.
MOST_CHARS = 20_000
LARGEST_ID = 2**63 - 1
INSTRUCTIONS = (
    "Attune holds a library of documents. Search it with search_documents, read on around a passage"
    " with read_document, or let Attune answer with ask. Cite the title and page of what you use."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARS)]
# A question, and the request or stream that it came by.
_Context = Context[Any, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reach:
    """
    What the caller of a tool may read.

    :param readable: The collections that are searched.
    :param may_read: Whether documents of a collection may be read.
    """

    readable: Callable[[Connection], list[str]]
    may_read: Callable[[str], bool]


# Whoever can start a command on this machine can read its database.
EVERYTHING = Reach(scope.readable, scope.may_read)


def reach_of(request: Request | None) -> Reach:
    """
    What the key of a request reaches. Without a request the caller is on this machine.

    :raises ToolError: The key has not the scope.
    """
    if request is None:
        return EVERYTHING
    key = keys.caller(request, "ask")
    if isinstance(key, Response):
        raise ToolError("This key may not do that: it needs the scope ask.")
    return _reach_of_key(request, key)


def _reach_of_key(request: Request, key: ApiKey) -> Reach:
    return Reach(
        lambda conn: keys.readable(conn, request, key),
        lambda collection: keys.may_read(request, key, collection),
    )


class _Tools:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = Limits(services.pool, services.settings)

    async def search_documents(
        self,
        question: _Question,
        context: _Context,
        top_k: Annotated[int, Field(ge=1, le=MOST_PASSAGES)] = 6,
    ) -> dict[str, Any]:
        """Find the passages of the library that answer a question, best first."""
        reach = reach_of(context.request_context.request)
        with _place(self._limits):
            return await _told(lambda: self._search(reach, question, top_k))

    async def read_document(
        self,
        document_id: Annotated[int, Field(ge=1, le=LARGEST_ID)],
        context: _Context,
        from_passage: Annotated[int, Field(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """Read a document in order, by the id that a passage has, from a passage's number on."""
        reach = reach_of(context.request_context.request)
        return await _told(lambda: self._read(reach, document_id, from_passage))

    async def ask(
        self, question: _Question, context: _Context, deeper: bool | None = None
    ) -> dict[str, Any]:
        """
        Let Attune answer a question from the library, with citations. With `deeper` it searches
        several times and reads on, which takes longer. Questions that need it get it anyway.
        """
        reach = reach_of(context.request_context.request)
        with _place(self._limits):
            try:
                answer = await self._answer(reach, question, deeper=deeper)
            except Exception as error:
                raise _failed(error) from None
        return {
            "answer": answer.text,
            "kind": answer.kind,
            "note": answer.note,
            "citations": [as_json.citation(one) for one in answer.citations],
        }

    def _search(self, reach: Reach, question: str, top_k: int) -> dict[str, Any]:
        with self._services.pool.connection() as conn:
            collections = reach.readable(conn)
        with models.handle_of(self._services, SERVING) as handle:
            found = self._services.answerer.search(
                question, handle, top_k=top_k, collections=collections
            )
        return {
            "passages": [as_json.passage(hit) for hit in found.hits],
            "answerable": found.answerable,
        }

    def _read(self, reach: Reach, document_id: int, first: int) -> dict[str, Any]:
        with self._services.pool.connection() as conn:
            document = documents.get(conn, DocumentId(document_id))
            if document is None or not reach.may_read(document.collection):
                raise ToolError("There is no such document.")
            shared = document.same_as or document.id
            read = document_passages.range_of(conn, shared, first, most_chars=MOST_CHARS)
            total = document_passages.count_of(conn, shared)
        following = read[-1].ordinal + 1 if read else total
        return {
            "document_id": document.id,
            "title": document.title,
            "source": document.source,
            "pages": document.pages,
            "passages": [
                {
                    "number": one.ordinal,
                    "page": one.page,
                    "page_label": one.page_label,
                    "heading": one.heading,
                    "text": one.text,
                }
                for one in read
            ],
            "next_passage": following if following < total else None,
        }

    async def _answer(self, reach: Reach, question: str, *, deeper: bool | None) -> Answer:
        def collections() -> list[str]:
            with self._services.pool.connection() as conn:
                return reach.readable(conn)

        searched = await asyncio.to_thread(collections)
        granted = await asyncio.to_thread(self._services.llms.grant, self._limits, calls=1)
        await asyncio.to_thread(self._services.replica.answering)
        with self._services.replica.question() as handle:
            stream = self._services.answerer.stream(
                question, [], handle=handle, collections=searched, llm=granted.llm,
                depth=Depth(deeper, partial(self._limits.may_call_llm, 1)),
            )  # fmt: skip
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, Done):
                        return event.answer.noted(granted.note)
        raise NotReadyError("The answer was cut off.")


@contextmanager
def _place(limits: Limits) -> Iterator[None]:
    """One of the places for questions, or a refusal that the assistant reads."""
    with limits.place() as free:
        if not free:
            raise ToolError(BUSY)
        yield


async def _told(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return await asyncio.to_thread(work)
    except Exception as error:
        raise _failed(error) from None


def _failed(error: Exception) -> ToolError:
    """What an assistant reads of a fault: the reason, or the number of an incident in the log."""
    if isinstance(error, ToolError):
        return error
    if isinstance(error, AttuneError):
        return ToolError(str(error))
    incident = uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return ToolError(f"An unexpected fault (incident {incident}).")


def server_of(services: Services) -> MCPServer[Any]:
    """The server with its three tools."""
    server: MCPServer[Any] = MCPServer(
        "attune",
        title="Attune",
        instructions=INSTRUCTIONS,
        version=importlib.metadata.version("attune"),
        log_level="WARNING",
    )
    tools = _Tools(services)
    for tool in (tools.search_documents, tools.read_document, tools.ask):
        server.add_tool(tool, annotations=_READS)
    return server


class Endpoint:
    """The server behind `PATH`. Each request stands for itself, so any machine can answer it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Answer while the application runs."""
        server = server_of(self._services)
        # Host and origin are checked by the guard, and sizes by `app.access.bodies`.
        server.streamable_http_app(json_response=True, stateless_http=True, host="")
        async with server.session_manager.run():
            self._manager = server.session_manager
            yield
            self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = keys.caller(Request(scope), "ask")
        if isinstance(refusal, Response):
            return await refusal(scope, receive, send)
        if scope["method"] != "POST":  # nothing is sent unasked
            only = keys.error(405, "Send POST.", headers={"allow": "POST"})
            return await only(scope, receive, send)
        if self._manager is None:
            return await keys.error(503, "Attune is stopping.")(scope, receive, send)
        return await self._manager.handle_request(scope, receive, send)


def add(app: FastAPI, services: Services) -> Endpoint:
    """Add the route. The endpoint must be opened while the application runs."""
    endpoint = Endpoint(services)
    app.router.routes.append(Route(PATH, endpoint))
    return endpoint
