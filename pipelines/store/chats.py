"""
Rows of `conversation` and `message`.

Every function that reads for a visitor returns rows of this visitor only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import MessageId
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class Conversation:
    """One conversation of a visitor. With `help` it is about Attune and searches the handbook."""

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime
    help: bool = False


@dataclass(frozen=True)
class Shown:
    """
    A passage as an answer showed it.

    `span` marks its quoted characters. `cited` says whether the answer's text names its number.
    `page_label` is what is printed on the page, if that differs from its number.
    """

    number: int
    document_id: int
    chunk_id: int
    title: str
    page: int | None
    heading: str | None
    text: str
    span: tuple[int, int] | None
    score: float
    cited: bool
    collection: str = ""
    page_label: str | None = None


@dataclass(frozen=True)
class Remarks:
    """
    What an answer says besides its text.

    :param searched: The question as it was searched, if that is not what was typed.
    :param suggestions: Questions that can be asked next by a click.
    :param unsupported: Characters of the text, from and to, of sentences that no passage supports.
    :param corrected: Number of citations that were pointed at another passage.
    :param follow_ups: Questions that other passages found would answer.
    :param within: What was searched, if the question was limited to some documents.
    :param within_of: The collections that `within` or `steps` name, or whose documents they name.
    :param steps: What was done for the answer, if one search was not enough.
    :param looked_in: Number of documents that the steps have read or found.
    :param deeper: Whether the reader wanted a deeper look.
    """

    searched: str | None = None
    suggestions: tuple[str, ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    corrected: int = 0
    follow_ups: tuple[str, ...] = ()
    within: str | None = None
    within_of: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    looked_in: int = 0
    deeper: bool = False

    @property
    def wants_deeper(self) -> bool:
        """Whether asking again is to look deeper again."""
        return self.deeper or bool(self.steps)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation. A question has only `role` and `text`."""

    id: MessageId
    role: str
    text: str
    kind: str | None
    model_name: str | None
    epoch: int | None
    shown: list[Shown] = field(default_factory=list)
    note: str | None = None
    verdict: str | None = None
    remarks: Remarks = Remarks()


def start(conn: Connection, visitor: str, title: str, *, help: bool = False) -> UUID:
    """
    Start a conversation and return its id.

    Also erases the visitor's conversations that were deleted more than a day ago.
    """
    conn.execute(
        "delete from conversation where visitor = %s and deleted_at < now() - interval '1 day'",
        (visitor,),
    )
    row = conn.execute(
        "insert into conversation (visitor, title, help) values (%s, %s, %s) returning id",
        (visitor, title, help),
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def list_mine(conn: Connection, visitor: str, *, limit: int = 200) -> list[Conversation]:
    """The visitor's conversations, most recently used first."""
    with conn.cursor(row_factory=class_row(Conversation)) as cursor:
        return cursor.execute(
            "select id, title, created_at, updated_at, help from conversation"
            " where visitor = %s and deleted_at is null order by updated_at desc, id limit %s",
            (visitor, limit),
        ).fetchall()


def get(conn: Connection, visitor: str, conversation_id: UUID) -> Conversation | None:
    """The conversation with this id, if it belongs to the visitor."""
    with conn.cursor(row_factory=class_row(Conversation)) as cursor:
        return cursor.execute(
            "select id, title, created_at, updated_at, help from conversation"
            " where id = %s and visitor = %s and deleted_at is null",
            (conversation_id, visitor),
        ).fetchone()


def messages(
    conn: Connection, visitor: str, conversation_id: UUID, *, aside: bool = False
) -> list[Message]:
    """
    The turns of one of the visitor's conversations, oldest first.

    :param aside: Those whose place later turns have taken, instead of those that count.
    """
    rows = conn.execute(
        "select m.id, m.role, m.text, m.kind, m.model_name, m.epoch, m.shown, m.note, f.verdict, m.remarks"
        " from message m join conversation c on c.id = m.conversation_id"
        " left join feedback f on f.message_id = m.id and f.visitor = c.visitor"
        " where c.id = %s and c.visitor = %s and c.deleted_at is null"
        " and (m.aside_at is not null) = %s order by m.id",
        (conversation_id, visitor, aside),
    )
    return [_message(row) for row in rows]


def message(conn: Connection, visitor: str, message_id: int) -> Message | None:
    """One turn, if it belongs to a conversation of the visitor."""
    row = conn.execute(
        "select m.id, m.role, m.text, m.kind, m.model_name, m.epoch, m.shown, m.note, null, m.remarks"
        " from message m join conversation c on c.id = m.conversation_id"
        " where m.id = %s and c.visitor = %s and c.deleted_at is null",
        (message_id, visitor),
    ).fetchone()
    return None if row is None else _message(row)


def was_deeper(conn: Connection, visitor: str, question_id: int) -> bool:
    """Whether the answer to one of the visitor's questions was looked at deeper, or was to be."""
    row = conn.execute(
        "select a.remarks from message q join conversation c on c.id = q.conversation_id"
        " join message a on a.conversation_id = q.conversation_id and a.id > q.id"
        " and a.role = 'assistant' where q.id = %s and c.visitor = %s order by a.id limit 1",
        (question_id, visitor),
    ).fetchone()
    return row is not None and _remarks(row[0]).wants_deeper


def add(
    conn: Connection,
    conversation_id: UUID,
    *,
    role: Literal["user", "assistant"],
    text: str,
    kind: str | None = None,
    epoch: int | None = None,
    index_id: int | None = None,
    model_name: str | None = None,
    llm: str | None = None,
    shown: Sequence[Shown] = (),
    timings_ms: dict[str, float] | None = None,
    note: str | None = None,
    remarks: Remarks = Remarks(),
) -> MessageId:
    """Append a turn to a conversation and return its id."""
    row = conn.execute(
        "insert into message (conversation_id, role, text, kind, epoch, index_id, model_name,"
        " llm, shown, timings_ms, note, remarks)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id",
        (conversation_id, role, text, kind, epoch, index_id, model_name, llm,
         Jsonb([asdict(passage) for passage in shown]), Jsonb(timings_ms or {}), note,
         Jsonb(asdict(remarks))),
    ).fetchone()  # fmt: skip
    conn.execute("update conversation set updated_at = now() where id = %s", (conversation_id,))
    assert row is not None
    return MessageId(row[0])


def set_aside(conn: Connection, visitor: str, message_id: int) -> None:
    """Let other turns take the place of a turn and all later ones. They stay readable."""
    conn.execute(
        "update message m set aside_at = now() from message first, conversation c"
        " where first.id = %s and m.conversation_id = first.conversation_id and m.id >= first.id"
        " and m.aside_at is null and c.id = first.conversation_id and c.visitor = %s",
        (message_id, visitor),
    )


def rename(conn: Connection, visitor: str, conversation_id: UUID, title: str) -> bool:
    """
    Rename a conversation.

    :returns: Whether it belongs to the visitor.
    """
    return (
        conn.execute(
            "update conversation set title = %s where id = %s and visitor = %s",
            (title, conversation_id, visitor),
        ).rowcount
        == 1
    )


def set_deleted(conn: Connection, visitor: str, conversation_id: UUID, deleted: bool) -> bool:
    """
    Delete a conversation, or undo that.

    :returns: Whether it belongs to the visitor.
    """
    return (
        conn.execute(
            "update conversation set deleted_at = case when %s then now() end"
            " where id = %s and visitor = %s",
            (deleted, conversation_id, visitor),
        ).rowcount
        == 1
    )


def _message(row: tuple[Any, ...]) -> Message:
    shown = [
        Shown(**{**passage, "span": tuple(passage["span"]) if passage["span"] else None})
        for passage in row[6]
    ]
    message_id, role, text, kind, model_name, epoch, _, note, verdict, remarks = row
    return Message(
        MessageId(message_id), role, text, kind, model_name, epoch, shown, note, verdict,
        _remarks(remarks),
    )  # fmt: skip


def _remarks(stored: dict[str, Any]) -> Remarks:
    names = {field.name for field in fields(Remarks)}
    return Remarks(**{name: _tuples(value) for name, value in stored.items() if name in names})


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
