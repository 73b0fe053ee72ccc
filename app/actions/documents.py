"""What commands, screens and programs do with documents that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.store import active, chunks, documents, pairs
from pipelines.store.db import Connection
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId

MOST_AUDITED = 50


@dataclass(frozen=True)
class Deleted:
    """The documents that are gone, and the number of pairs that went with them."""

    documents: list[Document]
    pairs: int


def delete(conn: Connection, who: str, ids: Sequence[DocumentId]) -> Deleted:
    """
    Remove documents from every index at once, with the pairs made from them.

    An id that is not there any more is passed over. The audit keeps the first titles.
    """
    with conn.transaction():
        found = documents.get_many(conn, ids)
        for document in found:
            chunks.delete_document(conn, document.id)
        gone = pairs.forget_absent(conn)
        titles = [document.title for document in found]
        active.add_audit(conn, who, "delete documents", {"titles": titles[:MOST_AUDITED]})
    return Deleted(found, gone)
