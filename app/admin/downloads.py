"""What admins save from the admin pages: plain routes below "/admin", which the guard watches."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request, Response

from app.access.auth import require_admin
from app.services import Services
from pipelines.errors import AccessError, InputError
from pipelines.store import documents
from pipelines.store.ids import DocumentId
from pipelines.store.pairs import SPLITS
from training.pairs import seedfile, stored


def add(app: FastAPI, services: Services) -> None:
    """Add the routes. Call it before the page is mounted, which answers for every other path."""

    @app.get("/admin/documents/{document_id}")
    def original(document_id: int, request: Request) -> Response:
        """A document as it came in."""
        _check(request)
        with services.pool.connection() as conn:
            document = documents.get(conn, DocumentId(document_id))
            content = documents.content(conn, DocumentId(document_id))
        if document is None or content is None:
            raise HTTPException(404, "There is no such document.")
        return _file(document.title, content)

    @app.get("/admin/pairs.{ending}")
    def accepted_pairs(
        ending: Literal["json", "csv"], request: Request, side: str = ""
    ) -> Response:
        """The accepted pairs, as a file that import takes back."""
        _check(request)
        split = next((known for known in SPLITS if known == side), None)
        try:
            with services.pool.connection() as conn:
                seed = stored.accepted(conn, split)
        except InputError as error:
            raise HTTPException(404, str(error)) from None
        name = f"pairs-{split}.{ending}" if split else f"pairs.{ending}"
        return _file(name, seedfile.render(seed, f".{ending}").encode())


def _check(request: Request) -> None:
    try:
        require_admin(request)
    except AccessError as error:
        raise HTTPException(403, str(error)) from None


def _file(name: str, content: bytes) -> Response:
    """Bytes that a browser saves and never shows: a document may hold scripts."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"content-disposition": disposition, "content-security-policy": "sandbox"}
    return Response(content, media_type="application/octet-stream", headers=headers)
