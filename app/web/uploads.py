"""The routes to add, list and delete files in the chat. See `app/access/adders` for who may."""

from __future__ import annotations

import asyncio
import errno
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from app import queue
from app.access.adders import Adder, Refused, adder_of, check_quota, clean_name, throttle
from app.access.bodies import MEGABYTE, UPLOADS, BodyTooLarge
from app.services import Services
from pipelines.errors import AccessError, AttuneError, InputError
from pipelines.indexing import queued
from pipelines.indexing.readers import kinds
from pipelines.store import active, chunks, jobs, own_files, pairs, queue_workers, scope
from pipelines.store.db import Connection
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId
from pipelines.store.jobs import Job

# Simultaneous uploads to one server, and by one visitor.
AT_ONCE, AT_ONCE_EACH = 16, 4
LISTED = 50
WRITE_BYTES = 1 << 20
LARGEST_ID = 2**63 - 1
BUSY = "Many files are arriving at this moment. Try again in a few seconds."
NO_SUCH_FILE = "There is no such file of yours."

log = logging.getLogger(__name__)


def add(app: FastAPI, services: Services, folder: Path) -> None:
    """
    Add the routes to the application.

    :param folder: Where files are stored while they arrive.
    """
    routes = _UploadRoutes(services, folder)
    app.get(UPLOADS)(routes.list)
    app.post(UPLOADS)(routes.take)
    app.delete(UPLOADS + "/{document_id}")(routes.delete)


class _UploadRoutes:
    def __init__(self, services: Services, folder: Path) -> None:
        self._services, self._folder = services, folder
        self._under_way: dict[str, int] = {}

    def list(self, request: Request) -> Response:
        """List the sender's files with their state, and what they may add."""
        return _answered(lambda: self._list(adder_of(request)))

    async def take(self, request: Request, name: str = "") -> Response:
        """Add one file: the body of the request, named `name`."""
        try:
            adder, title = await asyncio.to_thread(self._check, request, name)
            with self._place(adder.reader.visitor):
                put = await self._receive(request, adder, title)
        except ClientDisconnect:
            return Response(status_code=499)
        except (AttuneError, OSError) as error:
            return _refusal(error)
        return JSONResponse(put, 201)

    def delete(self, request: Request, document_id: int) -> Response:
        """Delete one of the sender's files from every index at once."""
        return _answered(lambda: self._delete(adder_of(request), DocumentId(document_id)))

    def _check(self, request: Request, name: str) -> tuple[Adder, str]:
        """Check what can be checked before the body arrives, and count the upload."""
        adder, title = adder_of(request), clean_name(name)
        if adder.refusal is not None:
            raise Refused(adder.refusal, 403)
        try:
            kinds.mime_of(title)
        except InputError as error:
            raise Refused(f"{title}: {error}.", 415) from error
        declared = request.headers.get("content-length", "")
        with self._services.pool.connection() as conn:
            size_bytes = int(declared) if declared.isdecimal() else 0
            check_quota(conn, self._services.settings, adder, title, size_bytes)
            throttle(conn, adder)
        return adder, title

    @contextmanager
    def _place(self, visitor: str) -> Iterator[None]:
        """Reserve a place among the running uploads. For the event loop only."""
        mine = self._under_way.get(visitor, 0)
        if mine >= AT_ONCE_EACH or sum(self._under_way.values()) >= AT_ONCE:
            raise Refused(BUSY, 503)
        self._under_way[visitor] = mine + 1
        try:
            yield
        finally:
            self._under_way[visitor] -= 1
            if not self._under_way[visitor]:
                del self._under_way[visitor]

    async def _receive(self, request: Request, adder: Adder, title: str) -> dict[str, Any]:
        with await asyncio.to_thread(self._temporary) as file:
            size = await write_body(request, file)
            if size == 0:
                raise Refused(f"{title}: the file is empty (0 bytes).", 400)
            return await asyncio.to_thread(self._store, adder, title, file)

    def _temporary(self) -> BinaryIO:
        return cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))

    def _store(self, adder: Adder, title: str, file: BinaryIO) -> dict[str, Any]:
        """Store the file and queue its indexing, in one transaction."""
        file.seek(0)
        content = file.read()
        with self._services.pool.connection() as conn, conn.transaction():
            if not adder.admin:
                own_files.lock(conn)
                check_quota(conn, self._services.settings, adder, title, len(content))
            put = queued.put(
                conn, source=title, title=title, content=content, collection=adder.collection
            )
            if put.status == "queued":
                queue.defer_in(conn, "ingest", who=adder.who, document_ids=[put.document_id])
        return {"id": put.document_id, "title": title, "status": put.status, "reason": put.reason}

    def _list(self, adder: Adder) -> dict[str, Any]:
        settings = self._services.settings
        with self._services.pool.connection() as conn:
            files = own_files.newest(conn, adder.collections, LISTED + 1)
            more, files = len(files) > LISTED, files[:LISTED]
            waiting = any(document.status in queued.WAITING for document in files)
            running = _jobs(conn) if waiting else {}
            has_worker = not waiting or queue_workers.live_workers(conn) > 0
        return {
            "may_add": adder.refusal is None,
            "refusal": adder.refusal,
            "private": not adder.admin,
            "days": None if adder.admin else settings.visitor_days or None,
            "most_bytes": settings.max_upload_mb * MEGABYTE,
            "endings": kinds.endings(),
            "names": kinds.whole_names(),
            "kinds": kinds.readable(),
            "has_worker": has_worker,
            "more": more,
            "files": [_told(document, running.get(document.id)) for document in files],
        }

    def _delete(self, adder: Adder, document_id: DocumentId) -> dict[str, Any]:
        with self._services.pool.connection() as conn, conn.transaction():
            known = 0 < document_id <= LARGEST_ID
            document = own_files.get(conn, adder.collections, document_id) if known else None
            if document is None:
                raise Refused(NO_SUCH_FILE, 404)
            chunks.delete_document(conn, document.id)
            if adder.admin:
                pairs.forget_absent(conn)
                detail = {"titles": [document.title]}
                active.add_audit(conn, adder.who, "delete documents", detail)
        return {"id": document_id}


async def write_body(request: Request, file: BinaryIO) -> int:
    """Write the body as it arrives and return its size."""
    size, buffer = 0, bytearray()
    try:
        async for piece in request.stream():
            buffer += piece
            if len(buffer) >= WRITE_BYTES:
                size += await asyncio.to_thread(file.write, buffer)
                buffer = bytearray()
    except BodyTooLarge as error:
        raise Refused(str(error), 413) from error
    return size + await asyncio.to_thread(file.write, buffer)


def _jobs(conn: Connection) -> dict[int, Job]:
    """The running ingest jobs by document."""
    running = jobs.recent(conn, limit=100, tasks=["ingest"], statuses=["doing"])
    return {number: job for job in running for number in job.args.get("document_ids", [])}


def _told(document: Document, job: Job | None) -> dict[str, Any]:
    """A file as the page shows it. `done` of `total` windows are embedded, as far as known."""
    counted = job is not None and job.stage == "embedding" and job.total
    return {
        "id": document.id,
        "title": document.title,
        "size_bytes": document.size_bytes,
        "status": document.status,
        "reason": document.reason or "; ".join(w["text"] for w in document.warnings) or None,
        "private": scope.is_private(document.collection),
        "done": job.done if job and counted else None,
        "total": job.total if job and counted else None,
        "eta_s": job.eta_s if job and counted else None,
    }


def _answered(call: Any) -> Response:
    try:
        return JSONResponse(call())
    except AttuneError as error:
        return _refusal(error)


def _refusal(error: Exception) -> Response:
    status = 500
    if isinstance(error, Refused):
        status = error.status
    elif isinstance(error, AccessError):
        status = 403
    elif isinstance(error, InputError):
        status = 400
    elif isinstance(error, OSError):
        if error.errno != errno.ENOSPC:
            raise error
        error, status = OSError("The server's disk is full. Tell the admin."), 507
        log.error("an upload failed: the disk is full")
    headers = {"retry-after": "5"} if status == 503 else None
    return JSONResponse({"detail": str(error)}, status, headers=headers)
