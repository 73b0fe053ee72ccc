"""Documents for programs: add a file, see how far it is, search, and delete."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from app import queue
from app.access import keys
from app.access.adders import Refused, clean_name
from app.access.limits import BUSY, Limits
from app.actions import documents as actions
from app.services import Services
from app.web.api import models, requests
from app.web.api.openai import BODY_S, guarded, within
from app.web.api.requests import Named
from app.web.uploads import LARGEST_ID, write_body
from pipelines.answering import as_json
from pipelines.errors import InputError
from pipelines.indexing import queued
from pipelines.indexing.readers.kinds import mime_of
from pipelines.store import db, document_list, documents, own_files, scope
from pipelines.store.api_keys import ApiKey
from pipelines.store.db import Connection
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId

PATH = "/api/v1/documents"
UPLOAD_S = 600
AT_ONCE = 8
MOST_LISTED = 500
MOST_HITS = 50


def add(app: FastAPI, services: Services, folder: Path) -> None:
    """
    Add the routes below /api/v1.

    :param folder: Where files are stored while they arrive.
    """
    face = _DocumentRoutes(services, folder)
    app.add_api_route(PATH, guarded(face.list_documents), methods=["GET"])
    app.add_api_route(PATH, guarded(face.put), methods=["POST"])
    app.add_api_route(PATH + "/{document_id}", guarded(face.show), methods=["GET"])
    app.add_api_route(PATH + "/{document_id}", guarded(face.delete), methods=["DELETE"])
    app.add_api_route("/api/v1/search", guarded(face.search), methods=["POST"])
    for path in (
        "/v1/{rest:path}",
        "/api/v1/{rest:path}",
        "/mcp/{rest:path}",
    ):  # else the chat's mount answers
        app.add_api_route(path, _nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])


class _DocumentRoutes:
    def __init__(self, services: Services, folder: Path) -> None:
        self._services, self._folder = services, folder
        self._limits = Limits(services.pool, services.settings)
        self._under_way = 0

    async def list_documents(self, request: Request) -> Response:
        """The newest documents that the key reaches, at most `limit`."""
        key = keys.caller(request, "ingest")
        if isinstance(key, Response):
            return key
        limit = requests.number(request.query_params.get("limit", "100"), "limit", MOST_LISTED)

        def listed() -> list[dict[str, Any]]:
            with self._services.pool.connection() as conn:
                found = own_files.newest(conn, self._reached(conn, request, key), limit)
            return [_told(document) for document in found]

        return JSONResponse({"documents": await asyncio.to_thread(listed)})

    async def put(self, request: Request) -> Response:
        """Add one file: the body, called `name`, for `collection`. It waits to be indexed."""
        key = keys.caller(request, "ingest")
        if isinstance(key, Response):
            return key
        collection = request.query_params.get("collection", scope.DEFAULT)
        scope.check_name(collection)
        if not keys.may_read(request, key, collection):
            return keys.error(403, f"This key does not reach the collection {collection!r}.")
        try:
            title = clean_name(request.query_params.get("name", ""))
        except Refused as error:
            raise InputError(str(error)) from error
        mime_of(title)
        if self._under_way >= AT_ONCE:
            return keys.error(429, BUSY, headers={"retry-after": "5"})
        self._under_way += 1
        try:
            content = await self._received(request)
        finally:
            self._under_way -= 1
        if not content:
            raise InputError(f"{title}: the file is empty (0 bytes).")
        told = await asyncio.to_thread(self._store, key, title, content, collection)
        return JSONResponse(told, 201)

    async def _received(self, request: Request) -> bytes:
        with await asyncio.to_thread(self._temporary) as file:
            async with asyncio.timeout(UPLOAD_S):
                await write_body(request, file)

            def read() -> bytes:
                file.seek(0)
                return file.read()

            return await asyncio.to_thread(read)

    def _temporary(self) -> BinaryIO:
        return cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))

    def _store(self, key: ApiKey, title: str, content: bytes, collection: str) -> dict[str, Any]:
        """Store a file and queue its indexing, in one transaction."""

        def put(conn: Connection) -> dict[str, Any]:
            stored = queued.put(
                conn, source=title, title=title, content=content, collection=collection
            )
            if stored.status == "queued":
                queue.defer_in(conn, "ingest", who=_who(key), document_ids=[stored.document_id])
            document = documents.get(conn, stored.document_id)
            assert document is not None, "it was just stored"
            return _told(document) | {"reason": stored.reason}

        return db.transact(self._services.pool, put)

    async def show(self, request: Request) -> Response:
        """One document with its state."""
        key = keys.caller(request, "ingest")
        if isinstance(key, Response):
            return key

        def shown() -> dict[str, Any] | None:
            with self._services.pool.connection() as conn:
                document = self._find(conn, request, key)
            return None if document is None else _told(document)

        told = await asyncio.to_thread(shown)
        return _missing() if told is None else JSONResponse(told)

    async def delete(self, request: Request) -> Response:
        """Delete a document from every index at once."""
        key = keys.caller(request, "ingest")
        if isinstance(key, Response):
            return key

        def deleted() -> bool:
            with self._services.pool.connection() as conn:
                document = self._find(conn, request, key)
                if document is None:
                    return False
                actions.delete(conn, _who(key), [document.id])
            return True

        return Response(status_code=204) if await asyncio.to_thread(deleted) else _missing()

    async def search(self, request: Request) -> Response:
        """The passages for a question, best first."""
        key = keys.caller(request, "ask")
        if isinstance(key, Response):
            return key
        async with asyncio.timeout(BODY_S):
            value = requests.parse(await request.body())
        question, top_k = value.get("question"), value.get("top_k", 6)
        if not isinstance(question, str):
            raise InputError("question: expected a text.")
        if type(top_k) is not int or not 0 < top_k <= MOST_HITS:
            raise InputError(f"top_k: expected 1 to {MOST_HITS}.")
        named = requests.named(value)
        with self._limits.place() as free:
            if not free:
                return keys.error(429, BUSY)
            return await asyncio.to_thread(self._searched, request, key, question, top_k, named)

    def _searched(
        self, request: Request, key: ApiKey, question: str, top_k: int, named: Named | None
    ) -> Response:
        with self._services.pool.connection() as conn:
            collections = within(conn, request, key, named)
        with models.handle_of(self._services, requests.SERVING) as handle:
            found = self._services.answerer.search(
                question, handle, top_k=top_k, collections=collections
            )
        hits = [as_json.passage(hit) for hit in found.hits]
        return JSONResponse(
            {"passages": hits, "answerable": found.answerable, "model": handle.model_name}
        )

    def _reached(self, conn: Connection, request: Request, key: ApiKey) -> Sequence[str]:
        known = document_list.collections(conn)
        return [name for name in known if keys.may_read(request, key, name)]

    def _find(self, conn: Connection, request: Request, key: ApiKey) -> Document | None:
        number = request.path_params["document_id"]
        if not (number.isascii() and number.isdigit() and 0 < int(number[:20]) <= LARGEST_ID):
            return None
        document = documents.get(conn, DocumentId(int(number)))
        if document is None or not keys.may_read(request, key, document.collection):
            return None
        return document


async def _nothing(request: Request) -> Response:
    return keys.error(404, "There is nothing here.", code="not_found")


def _who(key: ApiKey) -> str:
    return f"key {key.name}"


def _missing() -> Response:
    return keys.error(404, "There is no such document.", code="not_found")


def _told(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        "collection": document.collection,
        "status": document.status,
        "reason": document.reason,
        "warnings": [warning["text"] for warning in document.warnings],
        "size_bytes": document.size_bytes,
        "pages": document.pages,
        "language": document.language,
        "created_at": document.created_at.isoformat(),
    }
