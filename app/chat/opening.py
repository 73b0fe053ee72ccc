"""Begins a turn: opens the conversation, settles what is searched, and stores the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg

from app.access.reader import Reader, clear_all
from app.chat import storing
from app.chat.picker.choice import Settled, Wanted, settle
from pipelines.answering.events import Turn
from pipelines.errors import is_disk_full
from pipelines.store import chats, choices
from pipelines.store.chats import Message
from pipelines.store.db import Connection
from pipelines.store.scope import Within

if TYPE_CHECKING:
    from app.services import Services

TITLE_CHARS = 60


@dataclass(frozen=True)
class OpenedChat:
    """
    A conversation with a new question.

    :param history: The turns before the question.
    :param within: Where to search.
    :param is_stored: Whether the question was stored.
    """

    conversation: UUID
    history: list[Turn]
    choice: Settled
    within: Within
    is_stored: bool


def open_(
    services: Services,
    reader: Reader,
    conversation_id: UUID | None,
    question: str,
    wanted: Wanted | None = None,
    *,
    help: bool = False,
) -> OpenedChat:
    """
    Open the conversation and store the question. On a full disk it is answered without being
    stored.

    :param wanted: What to search. None: what the conversation is limited to.
    """
    try:
        return _opened(services, reader, conversation_id, question, wanted, help=help, store=True)
    except psycopg.Error as error:
        if not is_disk_full(error):
            raise
    services.disk.note_full()
    return _opened(services, reader, conversation_id, question, wanted, help=help, store=False)


def _opened(
    services: Services,
    reader: Reader,
    conversation_id: UUID | None,
    question: str,
    wanted: Wanted | None,
    *,
    help: bool,
    store: bool,
) -> OpenedChat:
    visitor = reader.visitor
    with services.pool.connection() as conn:
        known = chats.get(conn, visitor, conversation_id) if conversation_id else None
        before = list[Message]()
        if known is not None:
            help = known.help
            before = clear_all(reader, chats.messages(conn, visitor, known.id))
        choice, within = _settled(conn, reader, wanted, known.id if known else None, help=help)
        if known is not None:
            conversation = known.id
        else:
            conversation = (
                chats.start(conn, visitor, _title(question), help=help) if store else uuid4()
            )
        if store:
            chats.add(conn, conversation, role="user", text=question)
            if wanted is not None and not help:
                choices.remember(conn, visitor, conversation, choice.kept())
    history = [storing.turn_of(message) for message in before]
    return OpenedChat(conversation, history, choice, within, store)


def _settled(
    conn: Connection,
    reader: Reader,
    wanted: Wanted | None,
    conversation: UUID | None,
    *,
    help: bool,
) -> tuple[Settled, Within]:
    """The choice, and where to search. Questions about Attune are asked of the handbook alone."""
    if help:
        return Settled(()), reader.readable(conn, help=True)
    choice = settle(conn, reader, wanted, conversation)
    return choice, choice.within(conn)


def _title(question: str) -> str:
    return question if len(question) <= TITLE_CHARS else question[: TITLE_CHARS - 1] + "…"
