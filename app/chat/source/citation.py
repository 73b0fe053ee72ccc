"""Which source a citation names, and whether whoever asks may see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.access.auth import person_of
from app.access.reader import Reader, reader_for
from app.chat.conversations import as_uuid
from app.chat.stops import Stops
from pipelines.store import chats, document_text, documents, scope
from pipelines.store.chats import Shown
from pipelines.store.db import Connection
from pipelines.store.document_text import Location
from pipelines.store.documents import Document
from pipelines.store.ids import DocumentId

# The answer's id, or 0 and the conversation of an answer that is being written. Then the passage's number.
REFERENCE = re.compile(r"(\d{1,18})-(\d{1,4})(?:-([0-9a-f-]{36}))?")


@dataclass(frozen=True)
class CitedSource:
    """
    A passage that an answer shows, with its document if that is still there.

    :param location: The passage in the document as it is now, or None if it was changed since.
    :param is_admin: Whether an admin asks.
    """

    passage: Shown
    reader: Reader
    document: Document | None
    location: Location | None
    is_admin: bool

    @property
    def is_own(self) -> bool:
        """Whether the document is in the reader's private collection."""
        return scope.is_private(self.passage.collection)


def source_of(conn: Connection, request: Any, stops: Stops, reference: str) -> CitedSource | None:
    """
    The source that a citation of one of the reader's own answers names.

    :param reference: As `app.chat.source.link` writes it.
    :returns: None if there is none that they may see.
    """
    found = REFERENCE.fullmatch(reference)
    if found is None:
        return None
    person = person_of(request)
    reader = reader_for(request, person)
    passage = next(
        (
            one
            for one in _shown(conn, reader, stops, *found.groups())
            if one.number == int(found[2])
        ),
        None,
    )
    if passage is None or not reader.may_read(passage.collection):
        return None
    location = document_text.locate(conn, passage.chunk_id)
    document_id = location.document_id if location else DocumentId(passage.document_id)
    document = documents.get(conn, document_id)
    if document is None or not reader.may_read(document.collection):
        document = location = None
    is_admin = person is not None and person.admin
    return CitedSource(passage, reader, document, location, is_admin)


def _shown(
    conn: Connection, reader: Reader, stops: Stops, message: str, _: str, conversation: str | None
) -> list[Shown]:
    """The passages of an answer as its reader may see them."""
    if int(message) == 0:
        mine = as_uuid(conversation)
        return [] if mine is None else stops.found(mine, reader.visitor)
    answer = chats.message(conn, reader.visitor, int(message))
    return [] if answer is None else reader.clear(answer).shown
