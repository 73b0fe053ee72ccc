"""
What a deeper look may read: the documents of the chat's choice that the asker may read, in pieces.

Every call reads the database and is bounded. What is outside of the choice is treated as if it did
not exist, whoever names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipelines.answering import outline
from pipelines.answering.components import Found, Query
from pipelines.store import document_parts, document_passages, documents, hits, scope
from pipelines.store.db import Connection, Pool
from pipelines.store.documents import Document
from pipelines.store.hits import Hit
from pipelines.store.ids import DocumentId
from pipelines.store.scope import Selection

# Passages of the first search and of each later one, and characters of a part that is read.
FIRST_PASSAGES, PASSAGES, PART_CHARS = 10, 6, 6000
MOST_LISTED = 100


@dataclass(frozen=True)
class Portion:
    """Consecutive passages of a document, with the number of this part and of all parts."""

    title: str
    hits: tuple[Hit, ...]
    number: int
    parts: int


@dataclass(frozen=True)
class Listed:
    """A document with its number of parts."""

    document: Document
    parts: int


class Library:
    """The documents of one question."""

    def __init__(self, pool: Pool, query: Query, search: Callable[[Query], Found]) -> None:
        self._pool, self._query, self._search = pool, query, search

    def search(self, words: str, most: int = PASSAGES) -> Sequence[Hit]:
        """The passages for some words, best first."""
        return self._search(replace(self._query, question=words, top_k=most)).hits

    def part(self, document_id: DocumentId, number: int, size: int = PART_CHARS) -> Portion | None:
        """
        A part of a document by its number from 1. Without passages if it has no such part.

        :returns: None if there is no such document here.
        """
        with self._pool.connection() as conn:
            found = document_parts.part(conn, document_id, number, size)
            first = found.chunks or document_parts.part(conn, document_id, 1, size).chunks[:1]
            rows = hits.rows(conn, first, self._selection)
        if not rows:
            return None
        passages = tuple(hits.unranked(rows[i]) for i in found.chunks if i in rows)
        return Portion(next(iter(rows.values()))["title"], passages, number, found.parts)

    def listed(self) -> tuple[list[Listed], bool]:
        """The newest documents, and whether there are more."""
        with self._pool.connection() as conn:
            ids = document_passages.newest(conn, self._selection, MOST_LISTED + 1)
            listed = self._with_parts(conn, ids[:MOST_LISTED], PART_CHARS)
        return listed, len(ids) > MOST_LISTED

    def meant(self, before: Sequence[DocumentId], size: int) -> list[Listed]:
        """
        The documents that a question about whole documents means, each with its number of parts.

        :param before: The documents that the answer before came from.
        :param size: Characters of a part.
        :returns: Empty if it may mean more documents than can be read.
        """
        about = outline.subject(self._query.question)
        if about is None:
            return []
        with self._pool.connection() as conn:
            found = outline.meant(conn, about, self._selection, before)
            is_some = bool(about) or any(document.id in before for document in found)
            others = document_passages.newest(conn, self._selection, outline.MOST_DOCUMENTS + 1)
            if not is_some and len(others) > outline.MOST_DOCUMENTS:
                return []
            return self._with_parts(conn, [document.id for document in found], size)

    def chars(self, ids: Sequence[DocumentId]) -> int:
        """The characters of some documents."""
        with self._pool.connection() as conn:
            return document_parts.total_chars(conn, ids)

    def _with_parts(self, conn: Connection, ids: Sequence[DocumentId], size: int) -> list[Listed]:
        parts = document_parts.count(conn, ids, size)
        known = {document.id: document for document in documents.get_many(conn, ids)}
        return [Listed(known[i], parts[i]) for i in ids if i in known and i in parts]

    @cached_property
    def _selection(self) -> Selection:
        within = self._query.collections
        if within is None:
            with self._pool.connection() as conn:
                within = scope.readable(conn)
        return scope.selected(within)
