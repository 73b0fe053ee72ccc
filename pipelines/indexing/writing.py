"""Writes an embedded file in one transaction, and says what a person should know about it."""

from __future__ import annotations

from pipelines.errors import ConflictError
from pipelines.indexing import duplicates
from pipelines.indexing.converted import Converted
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.records import EmbeddedFile, ReadFile, SplitText
from pipelines.search.handle import SearchHandle
from pipelines.store import (
    active,
    chunks,
    document_copies,
    document_passages,
    documents,
    recognised,
)
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import DocumentId
from pipelines.text import languages, suspicious

# Lines about what was not read that a file is shown with.
MOST_NOTES = 20


def try_write(
    pool: Pool, read: ReadFile, text: SplitText, embedded: EmbeddedFile
) -> Outcome | None:
    """
    Let a file take the place of its earlier version.

    :returns: None if another version serves by now. Nothing is written then: the vectors of that
        version are needed.
    :raises ConflictError: The document was deleted meanwhile, or indexed by another process.
    """
    warnings = warnings_of(text.converted, text.language, is_readable=embedded.is_readable)
    with pool.connection() as conn, conn.transaction():
        chunks.lock_for_writing(conn)
        if not _serves(conn, embedded.handle):
            return None
        if duplicate := _replace(conn, read, text, embedded, warnings):
            return duplicate
    return Outcome(
        read.file.source,
        "indexed",
        read.document_id,
        warnings=[warning["text"] for warning in warnings],
        chunks=len(embedded.chunks),
        windows=len(embedded.rows.vectors),
        pages_left=text.converted.pages_left,
    )


def _serves(conn: Connection, handle: SearchHandle) -> bool:
    pointer = active.get(conn)
    return pointer is not None and pointer.epoch == handle.epoch


def _replace(
    conn: Connection,
    read: ReadFile,
    text: SplitText,
    embedded: EmbeddedFile,
    warnings: list[dict[str, str]],
) -> Outcome | None:
    """
    Write a file in the caller's transaction, unless another process was faster.

    :returns: The outcome, if the same content was indexed under another name meanwhile.
    """
    file, document_id = read.file, read.document_id
    documents.lock_source(conn, file.collection, file.source)
    document_copies.lock_content(conn, file.collection, read.sha256)
    before = documents.indexed(conn, file.collection, file.source)
    if before is not None and before.id == document_id:
        return None  # a process that was given the same row has written it
    if duplicate := duplicates.share(conn, file, document_id, read.sha256):
        return duplicate
    if before is not None:
        chunks.delete_document(conn, before.id, replaced_by=document_id)
    pages = max((page for _, page in text.converted.pages), default=None)
    if not documents.finish(
        conn, document_id, language=text.language, pages=pages, warnings=warnings
    ):
        raise ConflictError("it was deleted or indexed again meanwhile")
    if not text.converted.pages_left:
        recognised.forget(conn, read.sha256)
    handle = embedded.handle
    chunks.write(
        conn,
        document_id,
        handle.vectors_id,
        handle.rule_id,
        embedded.chunks,
        embedded.rows.vectors,
        embedded.rows.codes,
    )
    return None


def committed(pool: Pool, file: Incoming, document_id: DocumentId) -> Outcome | None:
    """The outcome of a write whose connection was lost, if it was committed all the same."""
    with pool.connection() as conn:
        document = documents.get(conn, document_id)
        if document is None or document.status != "indexed":
            return None
        count = document_passages.count_of(conn, document_id)
    return Outcome(file.source, "indexed", document_id, chunks=count)


def warnings_of(
    converted: Converted, language: str | None, *, is_readable: bool
) -> list[dict[str, str]]:
    """
    What a person should know about a file that was indexed.

    :param is_readable: Whether the encoder reads its language.
    :returns: Code and sentence of each warning.
    """
    warnings = [{"code": documents.NOT_READ, "text": note} for note in converted.notes[:MOST_NOTES]]
    if (more := len(converted.notes) - MOST_NOTES) > 0:
        warnings.append({"code": documents.NOT_READ, "text": f"and {more} more of this kind"})
    if converted.removed:
        warnings.append(
            {
                "code": "cleaned",
                "text": f"{converted.removed} characters that cannot be stored were removed",
            }
        )
    if not is_readable:
        warnings.append(
            {
                "code": documents.UNREAD_LANGUAGE,
                "text": "the search model does not read this language well"
                f" ({language or 'language unknown'}): restart Attune with"
                f" ATTUNE_BASE_MODEL={languages.MULTILINGUAL}",
            }
        )
    if suspicious.gives_orders(converted.text):
        warnings.append(
            {
                "code": documents.SUSPICIOUS,
                "text": "it holds text that reads like instructions to a language model;"
                " questions made from it wait for review",
            }
        )
    return warnings
