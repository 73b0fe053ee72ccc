"""What can be chosen to search: the collections and documents of the chat's picker, as one types."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from app.access.reader import Reader, reader_of
from app.services import Services
from pipelines.store import choices, scope
from pipelines.store.choices import Choosable
from pipelines.text.clean import typed

PATH = "/choices"
LISTED, LISTED_COLLECTIONS = 30, 20
LONGEST = 200


def add(app: FastAPI, services: Services) -> None:
    """Add the route to the application."""

    @app.get(PATH)
    def choosable(request: Request, q: str = "") -> Response:
        """List what fits the words typed, of what the sender may read."""
        words = " ".join(typed(q[:LONGEST]).split())
        return JSONResponse(_listed(services, reader_of(request), words))


def _listed(services: Services, reader: Reader, words: str) -> dict[str, Any]:
    with services.pool.connection() as conn:
        readable = [name for name in reader.readable(conn) if name != scope.HANDBOOK]
        sizes = choices.collections(conn, readable)
        found = choices.like(conn, readable, words, LISTED + 1)
    own = next((size.documents for size in sizes if size.name == reader.own), 0)
    shared = [size for size in sizes if size.name != reader.own]
    fitting = [size for size in shared if words.casefold() in size.name.casefold()]
    # One collection alone is no choice.
    offered = fitting if len(shared) > 1 or (own and shared) else []
    return {
        "own": own,
        "total": own + sum(size.documents for size in shared),
        "collections": [vars(size) for size in offered[:LISTED_COLLECTIONS]],
        "documents": [_told(document, reader) for document in found[:LISTED]],
        "more": len(found) > LISTED or len(offered) > LISTED_COLLECTIONS,
    }


def _told(document: Choosable, reader: Reader) -> dict[str, Any]:
    """A document as the page lists it. `collection` is None for one of the reader's own."""
    is_own = document.collection == reader.own
    return {
        "id": document.id,
        "title": document.title,
        "collection": None if is_own else document.collection,
    }
