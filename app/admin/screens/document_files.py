"""What the screen of documents does with files: add them to a collection, delete documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app import queue
from app.actions import documents as actions
from app.admin.html import words
from app.services import Services
from pipelines.errors import InputError
from pipelines.indexing import queued
from pipelines.store import document_list, scope
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId

DEFAULT_COLLECTION = "default"
# Rules of ATTUNE_READERS are written with these.
_NOT_IN_NAMES = frozenset(",;=")
MOST_NAMED = 5


def collection_named(text: str | None) -> str:
    """
    The name of a collection as somebody typed it.

    :raises InputError: No rule of ATTUNE_READERS could name it.
    """
    name = (text or "").strip() or DEFAULT_COLLECTION
    if not name.isprintable() or not _NOT_IN_NAMES.isdisjoint(name):
        raise InputError(
            "The name of a collection cannot contain a comma, a semicolon or an equals sign."
        )
    scope.check_name(name)
    return name


def add(
    services: Services, who: str, paths: Sequence[Path], collection: str = DEFAULT_COLLECTION
) -> str:
    """
    Store uploaded files and queue them to be indexed.

    :returns: What became of them, in a sentence.
    :raises InputError: No file arrived, or one is too large.
    """
    if not paths:
        raise InputError("No file arrived. Try again.")
    most_bytes = services.settings.max_upload_mb * 10**6
    for path in paths:
        if path.stat().st_size > most_bytes:
            raise InputError(f"{path.name} is larger than {words.size(most_bytes)}.")
    with services.pool.connection() as conn, conn.transaction():
        is_new = collection not in (DEFAULT_COLLECTION, *document_list.collections(conn))
        stored = [(path.name, _store(conn, path, collection)) for path in paths]
        waiting = [put.document_id for _, put in stored if put.status == "queued"]
        if waiting:
            queue.defer_in(conn, "ingest", who=who, document_ids=waiting)
    known = [
        f"{name} ({put.reason})" if put.status == "duplicate" else name
        for name, put in stored
        if put.status != "queued"
    ]
    return _said(len(waiting), collection, known, is_new=is_new)


def _store(conn: Connection, path: Path, collection: str) -> queued.Put:
    return queued.put(
        conn,
        source=path.name,
        title=path.name,
        content=path.read_bytes(),
        collection=collection,
    )


def _said(waiting: int, collection: str, known: Sequence[str], *, is_new: bool) -> str:
    sentences = []
    if waiting:
        where = "" if collection == DEFAULT_COLLECTION else f" in the collection {collection}"
        sentences.append(f"{words.count(waiting, 'file')} will be indexed{where}.")
    if waiting and is_new:
        sentences.append("This collection is new.")
    if known:
        shown = ", ".join(known[:MOST_NAMED])
        sentences.append(f"Already there with the same content: {shown}.")
    return " ".join(sentences)


def delete(services: Services, who: str, ids: Sequence[DocumentId]) -> str:
    """
    Remove documents from every index at once, with the pairs made from them.

    :returns: What was done, in a sentence.
    """
    with services.pool.connection() as conn:
        deleted = actions.delete(conn, who, ids)
    also = f" So were {words.count(deleted.pairs, 'pair')} made from them." if deleted.pairs else ""
    were = "was" if len(deleted.documents) == 1 else "were"
    return f"{words.count(len(deleted.documents), 'document')} {were} deleted.{also}"
