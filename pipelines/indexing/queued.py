"""
Files that are given now and indexed later: stored with a row that waits, indexed by a job.

A row that waits changes nothing that serves. What is indexed in the end takes the place of an
earlier version of the same source in one transaction. What fails keeps its reason, and its bytes
for another try.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from pipelines.errors import InputError
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.readers.kinds import mime_of
from pipelines.store import chunks, document_copies, documents, recognised
from pipelines.store.db import Connection, Pool
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId

WAITING = ("queued", "indexing")


@dataclass(frozen=True)
class Put:
    """
    What became of a file that was given: it waits, or its content is there already, under its own
    name or as a copy of what the reason names.
    """

    status: Literal["queued", "duplicate", "unchanged"]
    document_id: DocumentId
    reason: str | None = None


def put(
    conn: Connection, *, source: str, title: str, content: bytes, collection: str = "default"
) -> Put:
    """
    Store a file that waits to be indexed, unless the collection holds the same content already.

    What cannot be read is told when it is indexed: its row then says why.

    :param source: With the collection, its identity: an earlier version of it is replaced in the end.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    with conn.transaction():
        before = documents.indexed(conn, collection, source)
        is_same = before is not None and before.sha256 == sha256
        if before is not None and is_same and not recognised.any_of(conn, sha256):
            documents.forget_attempts(conn, collection, source)
            return Put("unchanged", before.id)
        document_id = _wait(conn, source, title, sha256, content, collection)
        twin = document_copies.same_content(conn, collection, sha256)
        if twin is not None and chunks.share(conn, document_id, twin.id):
            return Put("duplicate", document_id, f"the same content as {twin.title} ({twin.id})")
        return Put("queued", document_id)


def put_again(conn: Connection, ids: Sequence[DocumentId]) -> list[DocumentId]:
    """
    Queue documents to be indexed again, failed ones as well as those that serve.

    A document serves until its new row takes its place. For a copy, the one whose passages it
    shares
    is indexed.

    :returns: The ids of the documents that wait.
    :raises InputError: One of them does not exist.
    """
    found = documents.get_many(conn, ids)
    if missing := set(ids) - {document.id for document in found}:
        raise InputError(f"There is no document with id {min(missing)}.")
    with conn.transaction():
        twins = documents.get_many(conn, [one.same_as for one in found if one.same_as is not None])
        meant = {one.id: one for one in (*found, *twins) if one.same_as is None}
        return [again(conn, document) for document in meant.values()]


def again(conn: Connection, document: Document) -> DocumentId:
    """Queue a document to be indexed again, and return the row that waits."""
    if documents.requeue(conn, document.id):
        return document.id
    content = documents.content(conn, document.id)
    assert content is not None, "a document has its bytes"
    return _wait(
        conn, document.source, document.title, document.sha256, content, document.collection
    )


def _wait(
    conn: Connection, source: str, title: str, sha256: str, content: bytes, collection: str
) -> DocumentId:
    try:
        mime = mime_of(source)
    except InputError:
        mime = "application/octet-stream"
    return documents.begin(
        conn,
        source=source,
        title=title,
        sha256=sha256,
        mime=mime,
        content=content,
        collection=collection,
        status="queued",
    )


def index(
    pool: Pool,
    ingester: Ingester,
    ids: Sequence[DocumentId],
    *,
    alone: bool = False,
) -> list[Outcome]:
    """
    Index those of the documents that wait.

    :param alone: One after the other, each begun when the one before is in. This is slower, and
        tells which of them a process stands still at.
    :returns: The outcome of each document that exists.
    :raises Stopped: The task was asked to stop. Another call continues with what still waits.
    """
    with pool.connection() as conn:
        found = documents.get_many(conn, ids)
        outcomes = [_past(conn, one) for one in found if one.status not in WAITING]
    waiting = (_incoming(pool, document) for document in found if document.status in WAITING)
    batches = ([file] for file in waiting) if alone else [waiting]
    return [*outcomes, *(each for batch in batches for each in ingester.ingest_many(batch))]


def _past(conn: Connection, document: Document) -> Outcome:
    match document.status:
        case "indexed" | "duplicate" as status:
            left = int(recognised.any_of(conn, document.sha256))
            return Outcome(document.source, status, document.id, document.reason, pages_left=left)
    return Outcome(document.source, "failed", document.id, document.reason)


def _incoming(pool: Pool, document: Document) -> Incoming:
    return Incoming(
        document.source,
        document.title,
        partial(load, pool, document.id),
        document.collection,
        document.size_bytes,
        document.id,
    )


def load(pool: Pool, document_id: DocumentId) -> bytes:
    """
    The bytes of a document.

    :raises InputError: It is gone.
    """
    with pool.connection() as conn:
        content = documents.content(conn, document_id)
    if content is None:
        raise InputError("it was deleted meanwhile")
    return content
