"""Files whose content is in the index already."""

from __future__ import annotations

from pipelines.indexing.incoming import Incoming
from pipelines.indexing.outcome import Outcome
from pipelines.store import chunks, document_copies, documents, recognised
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId


def unchanged(conn: Connection, file: Incoming, sha256: str) -> DocumentId | None:
    """
    The document that has this content under the same name, with nothing of it left to read.

    Forgets failed attempts at it.
    """
    before = documents.indexed(conn, file.collection, file.source)
    if before is None or before.sha256 != sha256 or file.document_id is not None:
        return None
    if recognised.any_of(conn, sha256):
        return None  # pages wait for OCR
    documents.forget_attempts(conn, file.collection, file.source)
    return before.id


def share(conn: Connection, file: Incoming, document_id: DocumentId, sha256: str) -> Outcome | None:
    """
    Share the passages of a document that has this content under another name.

    :returns: None if there is no such document.
    """
    twin = document_copies.same_content(conn, file.collection, sha256)
    if twin is None or twin.source == file.source:
        return None
    if not chunks.share(conn, document_id, twin.id):
        return None
    reason = f"the same content as {twin.title} ({twin.id})"
    return Outcome(file.source, "duplicate", document_id, reason)
