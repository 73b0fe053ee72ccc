"""
The routes that show where an answer's passage comes from: its page, its document's text, its file.

They are behind the rights of the passage: the answer must be the reader's own, and its collection
open to them. What people look at is drawn in a limited child, off the event loop.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from app.access.addresses import place
from app.access.limits import MINUTE_S, VISITORS_PER_ADDRESS
from app.chat.source import text
from app.chat.source.citation import CitedSource, source_of
from app.chat.stops import Stops
from app.services import Services
from pipelines.errors import InputError
from pipelines.indexing.pages.boxes import Box
from pipelines.indexing.pages.drawer import Drawer
from pipelines.indexing.pages.sheet import Quote, Sheet
from pipelines.store import documents, rate_counts
from pipelines.store.db import Connection, Pool

SOURCES = "/sources"
# Looks that a visitor may take in a minute, and files that they may save.
LOOKS_PER_MINUTE, FILES_PER_MINUTE = 240, 10
# Simultaneous looks at one server. Pages are drawn one after another.
AT_ONCE, SCANS_AT_ONCE = 8, 3
# Width of the picture that is drawn ahead, so that a page that cannot be drawn is known at once.
FIRST_WIDTH_PX = 960
# Letters of a quote that may go on over the end of its page.
LONG_QUOTE = 40
NOT_THERE = "There is no such source in your conversations."
BUSY = "Many people are reading at this moment. Try again in a few seconds."
OFTEN = "You have looked at a great many pages in a short time. Please try again in {} seconds."
NOT_DRAWN = "This page is not drawn: {}. This is its text."
NOT_FOUND = "The words are not marked, because they were not found on this page."


def add(app: FastAPI, services: Services, drawer: Drawer, recogniser: Drawer) -> None:
    """
    Add the routes. Call it before the page is mounted, which answers for every other path.

    :param recogniser: Finds words on scans, which takes so long that nobody should wait for it.
    """
    routes = _SourceRoutes(services, app.state.stops, drawer, recogniser)
    app.get(SOURCES + "/{reference}")(routes.show)
    app.get(SOURCES + "/{reference}/text")(routes.text)
    app.get(SOURCES + "/{reference}/page/{number}")(routes.picture)
    app.get(SOURCES + "/{reference}/marks/{number}")(routes.marks)
    app.get(SOURCES + "/{reference}/file")(routes.file)


class _SourceRoutes:
    def __init__(
        self, services: Services, stops: Stops, drawer: Drawer, recogniser: Drawer
    ) -> None:
        self._pool: Pool = services.pool
        self._for_admins = services.settings.originals == "admins"
        self._stops, self._drawer, self._recogniser = stops, drawer, recogniser
        self._under_way = self._recognising = 0

    async def show(self, request: Request, reference: str, page: int | None = None) -> Response:
        """Tell how a source is shown: a page with boxes, or parts of its text."""
        with self._place():
            return await asyncio.to_thread(self._show, request, reference, page)

    async def text(
        self, request: Request, reference: str, first: int | None = None, limit: int = 7
    ) -> Response:
        """Return parts of a document's text."""

        def read() -> Response:
            with self._pool.connection() as conn:
                source = self._source(conn, request, reference)
                return _private(text.shown(conn, source, first, limit))

        with self._place():
            return await asyncio.to_thread(read)

    async def picture(
        self, request: Request, reference: str, number: int, width: int = FIRST_WIDTH_PX
    ) -> Response:
        """Return a page as a picture."""

        def draw() -> bytes:
            with self._pool.connection() as conn:
                source = self._source(conn, request, reference)
            if source.document is None:
                raise HTTPException(404, NOT_THERE)
            return self._drawer.draw(source.document.sha256, self._load(source), number, width)

        with self._place():
            try:
                drawn = await asyncio.to_thread(draw)
            except InputError as error:
                raise HTTPException(422, f"{error}.") from error
        return Response(drawn, media_type="image/webp", headers=_UNKEPT)

    async def marks(self, request: Request, reference: str, number: int) -> Response:
        """Return boxes around the words on a page that is a picture. No boxes if there are none."""

        def find() -> list[Box]:
            with self._pool.connection() as conn:
                source = self._source(conn, request, reference)
            quote = _quote(source, number)
            if source.document is None or quote is None:
                return []
            try:
                sha256, load = source.document.sha256, self._load(source)
                return self._recogniser.recognise(sha256, load, number, quote)
            except InputError:
                return []

        if self._recognising >= SCANS_AT_ONCE:
            raise HTTPException(503, BUSY, {"retry-after": "10"})
        self._recognising += 1
        try:
            return _private({"boxes": await asyncio.to_thread(find)})
        finally:
            self._recognising -= 1

    async def file(self, request: Request, reference: str) -> Response:
        """Return the document as it was added."""

        def read() -> tuple[str, bytes]:
            with self._pool.connection() as conn:
                source = self._source(conn, request, reference, FILES_PER_MINUTE)
                if source.document is None or not self._may_save(source):
                    raise HTTPException(404, NOT_THERE)
                content = documents.content(conn, source.document.id)
            if not content:
                raise HTTPException(404, "The original file is no longer kept.")
            return source.document.title, content

        with self._place():
            title, content = await asyncio.to_thread(read)
        disposition = f"attachment; filename*=UTF-8''{quote(title, safe='')}"
        headers = {"content-disposition": disposition, "content-security-policy": "sandbox"}
        return Response(content, media_type="application/octet-stream", headers=_UNKEPT | headers)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Reserve a place among the running looks. For the event loop only."""
        if self._under_way >= AT_ONCE:
            raise HTTPException(503, BUSY, {"retry-after": "2"})
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def _source(
        self, conn: Connection, request: Request, reference: str, most: int = LOOKS_PER_MINUTE
    ) -> CitedSource:
        """The source that a request names, counted against its sender's limit."""
        source = source_of(conn, request, self._stops, reference)
        if source is None:
            raise HTTPException(404, NOT_THERE)
        what = "files" if most == FILES_PER_MINUTE else "looks"
        for who, factor in (
            (source.reader.visitor, 1), (place(source.reader.address), VISITORS_PER_ADDRESS)
        ):  # fmt: skip
            wait_s = rate_counts.take(conn, f"{what} {who}", window_s=MINUTE_S, most=most * factor)
            if wait_s is not None:
                raise HTTPException(429, OFTEN.format(math.ceil(wait_s)))
        return source

    def _may_save(self, source: CitedSource) -> bool:
        return source.is_own or source.is_admin or not self._for_admins

    def _load(self, source: CitedSource) -> Callable[[], bytes]:
        """A function that reads the document's bytes, if they are needed."""

        def load() -> bytes:
            assert source.document is not None
            with self._pool.connection() as conn:
                content = documents.content(conn, source.document.id)
            if not content:
                raise InputError("the original file is no longer kept")
            return content

        return load

    def _show(self, request: Request, reference: str, page: int | None) -> Response:
        with self._pool.connection() as conn:
            source = self._source(conn, request, reference)
        told = self._told(source)
        if source.document is not None and source.document.mime == "application/pdf":
            try:
                return _private(told | self._page(source, page))
            except InputError as error:
                told["note"] = NOT_DRAWN.format(error)
        with self._pool.connection() as conn:
            read = text.shown(conn, source, None, 2 * text.AROUND + 1)
        note = told.get("note") or read["note"]
        return _private(told | read | {"kind": "text", "note": note})

    def _told(self, source: CitedSource) -> dict[str, Any]:
        document, passage = source.document, source.passage
        return {
            "title": document.title if document else passage.title,
            "file": document is not None and self._may_save(source),
            "size_bytes": document.size_bytes if document else None,
        }

    def _page(self, source: CitedSource, page: int | None) -> dict[str, Any]:
        """
        A page with boxes around the passage's words.

        :raises InputError: It cannot be drawn.
        """
        assert source.document is not None
        sha256, load = source.document.sha256, self._load(source)
        home = source.passage.page or 1
        number = page or home
        sheet = self._drawer.look(sha256, load, number, _quote(source, number), around=page is None)
        self._drawer.draw(sha256, load, sheet.number, FIRST_WIDTH_PX)
        is_missing = page is None and not (sheet.boxes or sheet.is_picture)
        note = NOT_FOUND if is_missing else None
        is_exact = source.passage.span is not None
        is_near = _quote(source, sheet.number) is not None
        return {
            "kind": "page", **_plain(sheet), "is_exact": is_exact, "is_near": is_near, "note": note
        }  # fmt: skip


def _quote(source: CitedSource, number: int) -> Quote | None:
    """What is marked on a page: only the passage's own, or what goes on over its end."""
    passage = source.passage
    away = abs(number - (passage.page or 1))
    start, end = passage.span or (0, len(passage.text))
    if away > 1 or (away == 1 and end - start < LONG_QUOTE):
        return None
    return Quote(passage.text, passage.span)


def _plain(sheet: Sheet) -> dict[str, Any]:
    boxes = [[round(value, 5) for value in box] for box in sheet.boxes]
    return vars(sheet) | {"boxes": boxes}


# Rights may be taken back, so a browser keeps nothing.
_UNKEPT = {"cache-control": "no-store"}


def _private(value: dict[str, Any]) -> Response:
    return JSONResponse(value, headers=_UNKEPT)
