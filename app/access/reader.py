"""
The person who asks in the chat: their conversations, and the collections closed to them.

Collections are open to everybody unless a rule says otherwise. An old answer's passages are checked
again whenever they are read, because a conversation outlives its session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.access.addresses import address_of
from app.access.auth import Access, Person, access_of, connection_of
from app.access.policy import EVERYONE, SIGNED_IN
from app.access.visitor import visitor_of
from pipelines.store import scope
from pipelines.store.chats import Message, Remarks
from pipelines.store.db import Connection

HIDDEN = (
    "This answer came from documents that are not open to you now. If you have an account, sign in."
)


@dataclass(frozen=True)
class Reader:
    """
    A person who asks. `visitor` is their name in the database.

    `closed` are the collections that rules close to them.
    """

    visitor: str
    address: str
    closed: frozenset[str] = frozenset()

    @property
    def own(self) -> str:
        """Their private collection of uploaded files."""
        return scope.private(self.visitor)

    def readable(self, conn: Connection, *, help: bool = False) -> list[str]:
        """The collections to search for their questions. With `help` only the handbook."""
        if help:
            return [scope.HANDBOOK] if self.may_read(scope.HANDBOOK) else []
        return scope.readable(conn, closed=self.closed, own=self.own)

    def may_read(self, collection: str) -> bool:
        """Whether they may read a collection."""
        return scope.may_read(collection, closed=self.closed, own=self.own)

    def clear(self, message: Message) -> Message:
        """The message, with everything removed that they may not read."""
        of = {passage.collection for passage in message.shown}.union(message.remarks.within_of)
        if all(map(self.may_read, of)):
            return message
        return replace(message, text=HIDDEN, kind="hidden", shown=[], note=None, remarks=Remarks())


def reader_of(request: Any) -> Reader:
    """
    The sender of a request of Gradio or Starlette, with their session looked up.

    The conversations of an account are available in every browser.
    """
    return reader_for(request, access_of(request).person(connection_of(request)))


def reader_for(request: Any, person: Person | None) -> Reader:
    """The sender of a request whose session was already looked up."""
    connection, access = connection_of(request), access_of(request)
    visitor = visitor_of(connection)
    if person is not None and person.named:
        visitor = account_visitor(person.name)
    return Reader(visitor, address_of(connection), closed_to(access, person))


def account_visitor(name: str) -> str:
    """The name in the database of a person with an account."""
    return hashlib.sha256(f"account {name}".encode()).hexdigest()[:32]


def closed_to(access: Access, person: Person | None) -> frozenset[str]:
    """The collections that somebody may not read."""
    if person is not None and person.admin:
        return frozenset()
    roles = {EVERYONE}
    if person is not None:
        roles.add(SIGNED_IN)
        if person.named:
            roles |= person.names
    return frozenset(name for name, who in access.readers.items() if roles.isdisjoint(who))


def clear_all(reader: Reader, messages: Sequence[Message]) -> list[Message]:
    """The messages as their reader may see them."""
    return [reader.clear(message) for message in messages]
