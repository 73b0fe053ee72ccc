"""
Who may read which collection, decided in this module alone.

Everybody reads the shared collections. A private collection belongs to a visitor. Only this visitor
reads it, and naming it gives nobody else access. The handbook is searched only if nothing else is
readable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from psycopg import sql

from pipelines.errors import InputError
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId

DEFAULT = "default"
HANDBOOK = "handbook"
# No collection named by a person may begin with it.
PRIVATE_PREFIX = "visitor:"


@dataclass(frozen=True)
class Choice:
    """Collections and single documents that somebody wants to search. It gives no rights."""

    collections: tuple[str, ...] = ()
    documents: tuple[DocumentId, ...] = ()


@dataclass(frozen=True)
class Selection:
    """
    What a question is searched in: whole collections, and single documents of readable ones.

    Make it with `narrow`, so that it holds nothing that the asker may not read.

    :param readable: A document counts only if it is in one of these collections.
    """

    collections: tuple[str, ...]
    documents: tuple[DocumentId, ...] = ()
    readable: tuple[str, ...] = ()

    def condition(self) -> sql.Composed:
        """The condition on a row `d` of `document`."""
        whole = sql.SQL("d.collection = any({})").format(_names(self.collections))
        if not self.documents:
            return whole
        single = sql.SQL("(d.id = any({}::bigint[]) and d.collection = any({}))").format(
            sql.Literal(list(self.documents)), _names(self.readable)
        )
        return sql.SQL("({} or {})").format(whole, single) if self.collections else single


def _names(collections: Iterable[str]) -> sql.Composed:
    """An array of names. psycopg would take a per cent sign of one for a placeholder."""
    names: list[sql.Composable] = [
        sql.SQL("translate({}, chr(1), chr(37))").format(sql.Literal(name.replace("%", "\x01")))
        if "%" in name
        else sql.Literal(name)
        for name in collections
    ]
    return sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(names))


# Where a search looks: in whole collections, or in a selection of them and of documents.
Within: TypeAlias = Sequence[str] | Selection


def narrow(readable: Sequence[str], choice: Choice) -> Selection:
    """What is left of readable collections when only a choice of them is searched."""
    whole = tuple(name for name in readable if name in choice.collections)
    return Selection(whole, choice.documents, tuple(readable))


def selected(within: Within) -> Selection:
    """Whole collections as a selection."""
    return within if isinstance(within, Selection) else Selection(tuple(within))


def everything(within: Within) -> Selection:
    """All that the asker may read, whatever they chose of it."""
    return Selection(within.readable) if isinstance(within, Selection) else selected(within)


def private(visitor: str) -> str:
    """The collection of a visitor's own files."""
    return f"{PRIVATE_PREFIX}{visitor}"


def is_private(collection: str) -> bool:
    """Whether a collection is some visitor's own."""
    return collection.startswith(PRIVATE_PREFIX)


def check_name(collection: str) -> None:
    """
    Refuse a name that only a visitor's own files may have.

    :raises InputError: The name begins with `PRIVATE_PREFIX`.
    """
    if is_private(collection):
        raise InputError(
            f"Names of collections that begin with {PRIVATE_PREFIX!r} are kept for the files that "
            "visitors add. Choose another name."
        )


def may_read(collection: str, *, closed: Collection[str] = (), own: str | None = None) -> bool:
    """
    Whether somebody may read a collection.

    :param closed: Collections that the access rules close to them.
    :param own: Their own private collection.
    """
    return collection == own if is_private(collection) else collection not in closed


def readable(
    conn: Connection, *, closed: Collection[str] = (), own: str | None = None
) -> list[str]:
    """The collections that somebody's questions are searched in, sorted. See `may_read`."""
    return choose(held(conn), closed=closed, own=own)


def choose(
    collections: Iterable[str], *, closed: Collection[str] = (), own: str | None = None
) -> list[str]:
    """
    Those of the collections to search. The handbook is searched only if there is nothing else.
    """
    opened = [name for name in collections if may_read(name, closed=closed, own=own)]
    return [name for name in opened if name != HANDBOOK] or opened


def held(conn: Connection) -> list[str]:
    """The collections with indexed documents, sorted."""
    # Steps from one collection to the next in the index instead of reading every document.
    rows = conn.execute(
        "with recursive held as ((select collection from document where status = 'indexed'"
        "  order by collection limit 1)"
        " union all select (select d.collection from document d where d.status = 'indexed'"
        "  and d.collection > h.collection order by d.collection limit 1)"
        " from held h where h.collection is not null)"
        " select collection from held where collection is not null"
    )
    return [row[0] for row in rows]
