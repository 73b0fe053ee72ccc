"""
Who asks in the chat: whose conversations they see, and which collections are closed to them.

Collections are open to everybody unless a rule says otherwise. What an answer showed is judged
again whenever it is read: a conversation outlives the session in which it was held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.access.addresses import address_of
from app.access.auth import Access, Person, access_of, connection_of
from app.access.visitor import visitor_of
from pipelines.store import scope
from pipelines.store.chats import Message
from pipelines.store.db import Connection

EVERYONE, SIGNED_IN, ADMINS = "everyone", "signed-in", "admins"
HIDDEN = (
    "This answer came from documents that are not open to you now. If you have an account, sign in."
)


@dataclass(frozen=True)
class Reader:
    """`visitor`: the name in the database; `closed`: collections that the rules close to them."""

    visitor: str
    address: str
    closed: frozenset[str] = frozenset()

    @property
    def own(self) -> str:
        """The collection of the files that they added, which nobody else reads."""
        return scope.private(self.visitor)

    def readable(self, conn: Connection, *, help: bool = False) -> list[str]:
        """The collections that their questions are searched in; `help`: those about Attune."""
        if help:
            return [scope.HANDBOOK] if self.may_read(scope.HANDBOOK) else []
        return scope.readable(conn, closed=self.closed, own=self.own)

    def may_read(self, collection: str) -> bool:
        """Whether a collection is open to them."""
        return scope.may_read(collection, closed=self.closed, own=self.own)

    def clear(self, message: Message) -> Message:
        """The message, without what its reader may not read."""
        if all(self.may_read(passage.collection) for passage in message.shown):
            return message
        return replace(message, text=HIDDEN, kind="hidden", shown=[], note=None)


def reader_of(request: Any) -> Reader:
    """
    Who sent a request of Gradio or of starlette. Looks a session up where there is one.

    The conversations of an account follow it from browser to browser.
    """
    return reader_for(request, access_of(request).person(connection_of(request)))


def reader_for(request: Any, person: Person | None) -> Reader:
    """The same for whoever was looked up already."""
    connection, access = connection_of(request), access_of(request)
    visitor = visitor_of(connection)
    if person is not None and person.named:
        visitor = hashlib.sha256(f"account {person.name}".encode()).hexdigest()[:32]
    return Reader(visitor, address_of(connection), closed_to(access, person))


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
