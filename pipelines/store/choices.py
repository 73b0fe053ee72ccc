"""Documents and collections to choose from, found by what somebody types. Every call is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId
from pipelines.store.rows import class_row

_COLUMNS = "d.id, d.title, d.source, d.collection"
_SEARCHABLE = "d.status in ('indexed', 'duplicate') and d.collection = any(%(readable)s)"


@dataclass(frozen=True)
class Choosable:
    """A document that can be chosen."""

    id: DocumentId
    title: str
    source: str
    collection: str


@dataclass(frozen=True)
class CollectionSize:
    """A collection with its number of searchable documents."""

    name: str
    documents: int


def collections(conn: Connection, readable: Sequence[str]) -> list[CollectionSize]:
    """Those of the collections that have searchable documents, by name."""
    with conn.cursor(row_factory=class_row(CollectionSize)) as cursor:
        return cursor.execute(
            f"select d.collection as name, count(*) as documents from document d"
            f" where {_SEARCHABLE} group by d.collection order by d.collection",
            {"readable": list(readable)},
        ).fetchall()


def like(conn: Connection, readable: Sequence[str], words: str, limit: int) -> list[Choosable]:
    """
    Documents whose titles hold all of these words: first those that begin with them, then the newest.

    :param readable: Only documents of these collections.
    """
    with conn.cursor(row_factory=class_row(Choosable)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from document d where {_SEARCHABLE}"
            " and not exists (select 1 from unnest(%(words)s::text[]) w"
            "  where strpos(lower(d.title), lower(w)) = 0)"
            " order by starts_with(lower(d.title), lower(%(start)s)) desc, d.id desc"
            " limit %(limit)s",
            {"readable": list(readable), "words": words.split(), "start": words, "limit": limit},
        ).fetchall()


def named(conn: Connection, readable: Sequence[str], name: str, limit: int) -> list[Choosable]:
    """Documents with this text in their title, or with exactly this source, newest first."""
    with conn.cursor(row_factory=class_row(Choosable)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from document d where {_SEARCHABLE}"
            " and (strpos(lower(d.title), lower(%(name)s)) > 0 or d.source = %(name)s)"
            " order by d.source = %(name)s desc, lower(d.title) = lower(%(name)s) desc, d.id desc"
            " limit %(limit)s",
            {"readable": list(readable), "name": name, "limit": limit},
        ).fetchall()


def titles(conn: Connection, readable: Sequence[str], limit: int) -> list[str]:
    """The titles of the newest documents."""
    rows = conn.execute(
        f"select d.title from document d where {_SEARCHABLE} order by d.id desc limit %(limit)s",
        {"readable": list(readable), "limit": limit},
    )
    return [row[0] for row in rows]


def with_ids(
    conn: Connection, readable: Sequence[str], ids: Sequence[DocumentId]
) -> list[Choosable]:
    """Those of the documents that are there and in one of these collections."""
    with conn.cursor(row_factory=class_row(Choosable)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from document d where {_SEARCHABLE} and d.id = any(%(ids)s)",
            {"readable": list(readable), "ids": list(ids)},
        ).fetchall()


def searched_as(conn: Connection, ids: Sequence[DocumentId]) -> tuple[DocumentId, ...]:
    """The documents whose passages these have: of a duplicate, the one that it shares them with."""
    rows = conn.execute(
        "select distinct coalesce(same_as, id) from document where id = any(%s) order by 1",
        (list(ids),),
    )
    return tuple(DocumentId(row[0]) for row in rows)


def next_version(
    conn: Connection, readable: Sequence[str], collection: str, source: str
) -> Choosable | None:
    """The searchable document of a source, which may have replaced an older one."""
    with conn.cursor(row_factory=class_row(Choosable)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from document d where {_SEARCHABLE}"
            " and d.collection = %(collection)s and d.source = %(source)s",
            {"readable": list(readable), "collection": collection, "source": source},
        ).fetchone()


def remember(
    conn: Connection, visitor: str, conversation: UUID, choice: dict[str, Any] | None
) -> None:
    """Keep what a visitor's conversation is limited to. None stands for everything."""
    conn.execute(
        "update conversation set choice = %s where id = %s and visitor = %s",
        (None if choice is None else Jsonb(choice), conversation, visitor),
    )


def remembered(conn: Connection, visitor: str, conversation: UUID) -> dict[str, Any] | None:
    """What a visitor's conversation is limited to, as it was kept."""
    row = conn.execute(
        "select choice from conversation where id = %s and visitor = %s", (conversation, visitor)
    ).fetchone()
    return None if row is None else row[0]
