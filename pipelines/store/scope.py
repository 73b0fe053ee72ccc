"""
Who may read which collection: the one place that decides it.

Everybody reads the shared collections. A private one is a visitor's own: only its visitor reads it,
and nobody can name it to get in. The handbook is for whoever has nothing else to read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pipelines.errors import InputError
from pipelines.store.db import Connection

DEFAULT = "default"
HANDBOOK = "handbook"
# No collection that people name begins with it.
PRIVATE_PREFIX = "visitor:"


def private(visitor: str) -> str:
    """The collection of a visitor's own files."""
    return f"{PRIVATE_PREFIX}{visitor}"


def is_private(collection: str) -> bool:
    """Whether a collection is some visitor's own."""
    return collection.startswith(PRIVATE_PREFIX)


def check_name(collection: str) -> None:
    """:raises InputError: A person names a collection that only a visitor's own files may have."""
    if is_private(collection):
        raise InputError(
            f"Names of collections that begin with {PRIVATE_PREFIX!r} are kept for the files that "
            "visitors add; choose another name."
        )


def may_read(collection: str, *, closed: Collection[str] = (), own: str | None = None) -> bool:
    """
    Whether a collection is open to somebody.

    :param closed: Collections that the rules close to them.
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
    """Those to search; the handbook only where there is nothing else."""
    opened = [name for name in collections if may_read(name, closed=closed, own=own)]
    return [name for name in opened if name != HANDBOOK] or opened


def held(conn: Connection) -> list[str]:
    """The collections that hold indexed documents, sorted."""
    # Hops from one collection to the next in the index instead of reading every document.
    rows = conn.execute(
        "with recursive held as ((select collection from document where status = 'indexed'"
        "  order by collection limit 1)"
        " union all select (select d.collection from document d where d.status = 'indexed'"
        "  and d.collection > h.collection order by d.collection limit 1)"
        " from held h where h.collection is not null)"
        " select collection from held where collection is not null"
    )
    return [row[0] for row in rows]
