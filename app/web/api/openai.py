"""
The interface of OpenAI's clients: chat completions, embeddings and models.

A request is checked (`requests`), a version is chosen (`models`), and what comes of it is put in
OpenAI's form (`replies`). Everything that takes longer than a moment runs in threads.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect

from app.access import faults, keys
from app.access.bodies import BodyTooLarge
from app.access.limits import BUSY, Limits
from app.live import metrics
from app.services import Services
from app.web.api import models, replies, requests
from app.web.api.requests import ChatRequest, EmbeddingsRequest, Named
from pipelines.answering.events import Depth, Done, Event, StepTaken, Token
from pipelines.errors import (
    DISK_FULL,
    AttuneError,
    ConflictError,
    InputError,
    NotReadyError,
    is_disk_full,
)
from pipelines.search import choosing
from pipelines.search.handle import SearchHandle
from pipelines.store import scope
from pipelines.store.api_keys import ApiKey
from pipelines.store.db import Connection
from pipelines.store.scope import Within

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
# However slowly it comes.
BODY_S = 60
# An error ends a stream, and no client waits for more.
DONE = "data: [DONE]\n\n"


def add(app: FastAPI, services: Services) -> None:
    """Add the routes below /v1."""
    face = _OpenAIRoutes(services)
    app.add_api_route("/v1/models", guarded(face.list_models), methods=["GET"])
    app.add_api_route("/v1/models/{name}", guarded(face.show_model), methods=["GET"])
    app.add_api_route("/v1/chat/completions", guarded(face.chat), methods=["POST"])
    app.add_api_route("/v1/embeddings", guarded(face.embed), methods=["POST"])


def within(conn: Connection, request: Request, key: ApiKey, named: Named | None) -> Within:
    """
    What a request is searched in.

    :raises InputError: The key does not reach one of the collections or documents named.
    """
    if named is None:
        return keys.readable(conn, request, key)
    if closed := [name for name in named.collections if not keys.may_read(request, key, name)]:
        raise InputError(f"collections: this key does not reach {', '.join(closed)}.")
    reached = keys.reached(conn, request, key)
    choice = choosing.choose(
        conn, reached, documents=named.documents, collections=named.collections
    )
    return scope.narrow(reached, choice)


def guarded(handler: Handler) -> Handler:
    """A handler whose faults are answered in OpenAI's form."""

    async def run(request: Request) -> Response:
        try:
            return await handler(request)
        except TimeoutError:
            return keys.error(408, "The request did not arrive in time.")
        except (BodyTooLarge, ClientDisconnect):
            return keys.error(413, "The body was not read.")  # it was answered before
        except Exception as error:
            return failed(error)

    return run


def failed(error: Exception) -> JSONResponse:
    """The answer to a request that failed. Unexpected faults are logged and get a number."""
    if isinstance(error, models.NoSuchModelError):
        return keys.error(404, str(error), code="model_not_found", param="model")
    if isinstance(error, InputError):
        return keys.error(400, str(error))
    if isinstance(error, ConflictError):
        return keys.error(409, str(error), code="conflict")
    if isinstance(error, NotReadyError):
        return keys.error(503, str(error))
    if isinstance(error, AttuneError):
        return keys.error(502, str(error))
    if is_disk_full(error):
        return keys.error(503, DISK_FULL)
    if faults.is_outage(error):
        faults.report("request", error)
        return keys.error(503, faults.NO_DATABASE, headers=faults.SOON)
    incident = uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return keys.error(500, f"An unexpected fault (incident {incident}).")


class _OpenAIRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = Limits(services.pool, services.settings)

    async def list_models(self, request: Request) -> Response:
        """The names that requests may use."""
        key = keys.caller(request, "ask")
        if isinstance(key, Response):
            return key
        names = await asyncio.to_thread(models.names, self._services)
        return JSONResponse({"object": "list", "data": [replies.model(name) for name in names]})

    async def show_model(self, request: Request) -> Response:
        """One of them."""
        key = keys.caller(request, "ask")
        if isinstance(key, Response):
            return key
        name = request.path_params["name"]
        if name not in await asyncio.to_thread(models.names, self._services):
            return keys.error(404, f"There is no model {name!r}.", code="model_not_found")
        return JSONResponse(replies.model(name))

    async def chat(self, request: Request) -> Response:
        """An answer with its citations, whole or as a stream."""
        key = keys.caller(request, "ask")
        if isinstance(key, Response):
            return key
        body = await _body(request)
        wish = await asyncio.to_thread(lambda: requests.chat_request(requests.parse(body)))
        collections = await asyncio.to_thread(self._within, request, key, wish)
        events = self._events(wish, collections)
        first = await anext(events)  # refusals come before the stream begins
        if isinstance(first, Response):
            await events.aclose()
            return first
        if wish.stream:
            assert isinstance(first, SearchHandle)
            return StreamingResponse(
                _streamed(events, first.model_name),
                media_type="text/event-stream",
                headers={"cache-control": "no-store"},
            )
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Done):
                    return JSONResponse(replies.completion(event.answer))
        raise AssertionError("the stream ended without an answer")

    async def embed(self, request: Request) -> Response:
        """Vectors of texts."""
        key = keys.caller(request, "ask")
        if isinstance(key, Response):
            return key
        body = await _body(request)
        wish = await asyncio.to_thread(lambda: requests.embeddings_request(requests.parse(body)))
        with self._limits.place() as free:
            if not free:
                return keys.error(429, BUSY)
            return await asyncio.to_thread(self._embedded, wish)

    def _embedded(self, wish: EmbeddingsRequest) -> Response:
        with models.handle_of(self._services, wish.model) as handle:
            encoder = handle.encoder
            if wish.dimensions not in (None, encoder.dimension):
                raise InputError(f"dimensions: {handle.model_name} has {encoder.dimension}.")
            encode = encoder.encode_queries if wish.are_queries else encoder.encode_documents
            vectors = encode(wish.texts)
            tokens = sum(len(ids) for ids in encoder.token_ids(wish.texts))
        if wish.as_base64:
            shown: list[Any] = [base64.b64encode(row.tobytes()).decode() for row in vectors]
        else:
            shown = [[float(x) for x in row] for row in vectors]
        return JSONResponse(replies.embeddings(shown, handle.model_name, tokens))

    def _within(self, request: Request, key: ApiKey, wish: ChatRequest) -> Within:
        with self._services.pool.connection() as conn:
            return within(conn, request, key, wish.named)

    async def _events(
        self, wish: ChatRequest, collections: Within
    ) -> AsyncGenerator[Event | Response | SearchHandle, None]:
        """First the handle, or the response that refuses the request. Then the answer's events."""
        with self._limits.place() as free:
            if not free:
                yield keys.error(429, BUSY)
                return
            await asyncio.to_thread(self._services.replica.answering)
            chosen = models.handle_of(self._services, wish.model)
            handle = await asyncio.to_thread(chosen.__enter__)
            try:
                yield handle
                calls = 2 if wish.history else 1
                granted = await asyncio.to_thread(
                    self._services.llms.grant, self._limits, calls=calls
                )
                stream = self._services.answerer.stream(
                    wish.question,
                    wish.history,
                    handle=handle,
                    collections=collections,
                    llm=granted.llm,
                    depth=Depth(may_call=partial(self._limits.may_call_llm, 1)),
                )
                async with aclosing(stream) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            metrics.observe(event.answer)
                            event = Done(event.answer.noted(granted.note))
                        yield event
            finally:
                chosen.__exit__(None, None, None)


async def _body(request: Request) -> bytes:
    """The body, which `app.access.bodies` bounds in size."""
    async with asyncio.timeout(BODY_S):
        return await request.body()


async def _streamed(
    events: AsyncGenerator[Event | Response | SearchHandle, None], name: str
) -> AsyncGenerator[str, None]:
    """The events as server-sent chunks. Closing it ends the language model's request."""
    chunks = replies.Chunks(name)
    try:
        async with aclosing(events):
            yield _sent(chunks.begin())
            async for event in events:
                if isinstance(event, Token):
                    yield _sent(chunks.text(event.text))
                elif isinstance(event, StepTaken):
                    yield ": still looking\n\n"  # a comment, so that nobody takes the silence for the end
                elif isinstance(event, Done):
                    for chunk in chunks.end(event.answer):
                        yield _sent(chunk)
    except Exception as error:
        yield f"data: {bytes(failed(error).body).decode()}\n\n"
    yield DONE


def _sent(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
