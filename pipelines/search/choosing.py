"""
Which documents and collections somebody means by the names or ids that they give.

A name that fits nothing, or several documents, is refused with the candidates.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence

from pipelines.errors import InputError
from pipelines.store import choices
from pipelines.store.choices import Choosable
from pipelines.store.db import Connection
from pipelines.store.ids import DocumentId
from pipelines.store.scope import Choice

CANDIDATES = 5
# Documents whose title holds a name, and titles that are compared with a name that none holds.
MOST_NAMED, MOST_COMPARED = 200, 5000
LIKE = 0.5
LARGEST_ID = 2**63 - 1


def choose(
    conn: Connection,
    readable: Sequence[str],
    *,
    documents: Iterable[str] = (),
    collections: Iterable[str] = (),
) -> Choice:
    """
    The choice that names and ids stand for.

    :param readable: Collections that the asker may read. Nothing else is found or mentioned.
    :param documents: Each the id of a document, its title, or a part of the title.
    :raises InputError: One of them fits nothing, or several documents.
    """
    whole = tuple(dict.fromkeys(_collection(name, readable) for name in collections))
    found = [_document(conn, readable, name) for name in documents]
    return Choice(whole, choices.searched_as(conn, [document.id for document in found]))


def _collection(name: str, readable: Sequence[str]) -> str:
    if name in readable:
        return name
    near = difflib.get_close_matches(name, readable, CANDIDATES, LIKE) or list(readable)
    raise InputError(
        f"There is no collection {name!r} with documents here. {_listed('There is', near)}"
    )


def _document(conn: Connection, readable: Sequence[str], name: str) -> Choosable:
    name = " ".join(name.split())
    if not name:
        raise InputError("The name of a document is empty.")
    if name.isascii() and name.isdigit() and int(name[:20]) <= LARGEST_ID:
        for document in choices.with_ids(conn, readable, [DocumentId(int(name))]):
            return document
    found = choices.named(conn, readable, name, MOST_NAMED)
    fitting = best(name, found)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        shown = [f"{one.title} (id {one.id}, {one.collection})" for one in fitting]
        raise InputError(
            f"{name!r} fits {len(fitting)} documents: {_some(shown)}. Name one by its id."
        )
    known = {title.casefold(): title for title in choices.titles(conn, readable, MOST_COMPARED)}
    near = difflib.get_close_matches(name.casefold(), known, CANDIDATES, LIKE)
    raise InputError(
        f"There is no document {name!r} here. {_listed('Near it', [known[one] for one in near])}"
    )


def best(name: str, found: Sequence[Choosable]) -> Sequence[Choosable]:
    """
    The documents that a name fits best: by their source or whole title, else by the title without
    its ending, else by a part of it.
    """
    wanted = name.casefold()
    ways: list[Callable[[Choosable], bool]] = [
        lambda one: one.source == name,
        lambda one: one.title.casefold() == wanted,
        lambda one: one.title.casefold().rpartition(".")[0] == wanted,
    ]
    for fits in ways:
        if fitting := [one for one in found if fits(one)]:
            return fitting
    return found


def _listed(before: str, names: Sequence[str]) -> str:
    return f"{before}: {_some(names)}." if names else ""


def _some(names: Sequence[str]) -> str:
    more = len(names) - CANDIDATES
    shown = ", ".join(names[:CANDIDATES])
    return f"{shown} and {more} more" if more > 0 else shown
