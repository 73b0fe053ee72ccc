"""Stores answers, whole, stopped or failed. On a full disk an answer is given but not stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from pipelines.answering.events import Answer, Citation, Turn
from pipelines.errors import is_disk_full
from pipelines.store import chats, db
from pipelines.store.chats import Message, Remarks, Shown
from pipelines.store.ids import ChunkId, DocumentId, MessageId

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.store.hits import Hit

# The id of an answer that was given and not stored.
UNSAVED = MessageId(0)
NOT_SAVED = "This answer was not saved: the disk is full."


def _add(services: Services, conversation: UUID | None, **values: Any) -> MessageId:
    """Store an answer and return its id, or `UNSAVED` if the disk is full."""
    if conversation is None:
        return UNSAVED
    try:
        message_id = db.transact(
            services.pool, lambda conn: chats.add(conn, conversation, role="assistant", **values)
        )
        services.disk.note_written()
        return message_id
    except psycopg.Error as error:
        if not is_disk_full(error):
            raise
    services.disk.note_full()
    return UNSAVED


def store(services: Services, conversation: UUID | None, answer: Answer) -> Message:
    """Store a whole answer and return it as a message."""
    cited = {citation.number: citation for citation in answer.citations}
    shown = [shown_of(n, hit, cited) for n, hit in enumerate(answer.passages, 1)]
    for n, span in enumerate(answer.nearest):
        at = answer.passages[n].at(span[0])
        shown[n] = replace(
            shown[n], span=span, page=at.page, heading=at.heading, page_label=at.label
        )
    message_id = _add(
        services,
        conversation,
        text=answer.text,
        kind=answer.kind,
        epoch=answer.epoch,
        index_id=answer.index_id,
        model_name=answer.model_name,
        llm=answer.llm,
        shown=shown,
        timings_ms=answer.timings_ms,
        note=answer.note,
        remarks=answer.remarks,
    )
    note = NOT_SAVED if message_id == UNSAVED else answer.note
    return Message(
        message_id, "assistant", answer.text, answer.kind, answer.model_name, answer.epoch,
        shown, note, remarks=answer.remarks,
    )  # fmt: skip


def store_fault(
    services: Services, conversation: UUID | None, text: str, remarks: Remarks
) -> Message:
    """Store that an answer failed, and why."""
    message_id = _add(services, conversation, text=text, kind="error", remarks=remarks)
    return Message(message_id, "assistant", text, "error", None, None, remarks=remarks)


def store_stopped(
    services: Services,
    conversation: UUID | None,
    text: str,
    shown: list[Shown],
    seconds: float,
    remarks: Remarks,
) -> None:
    """Store what came of an answer before it was stopped."""
    _add(
        services,
        conversation,
        text=text or "Stopped.",
        kind="llm" if text else "error",
        shown=shown,
        timings_ms={"total": round(seconds * 1e3, 2)},
        note="Stopped before the end." if text else None,
        remarks=remarks,
    )


def shown_of(number: int, hit: Hit, cited: dict[int, Citation]) -> Shown:
    """A passage as the answer shows it, marked if the answer cites it."""
    citation = cited.get(number)
    return Shown(
        number=number,
        document_id=hit.document_id,
        chunk_id=hit.chunk_id,
        title=hit.title,
        page=citation.page if citation else hit.page,
        heading=citation.heading if citation else hit.heading,
        text=hit.text,
        span=citation.span if citation else None,
        score=hit.score,
        cited=citation is not None,
        collection=hit.collection,
        page_label=citation.page_label if citation else hit.page_label,
    )


def turn_of(message: Message) -> Turn:
    """A stored message as the answerer takes it."""
    if message.role == "user":
        return Turn("user", message.text)
    return Turn(
        "assistant",
        message.text,
        searched=message.remarks.searched,
        passages=tuple(ChunkId(passage.chunk_id) for passage in message.shown),
        documents=tuple(dict.fromkeys(DocumentId(p.document_id) for p in message.shown if p.cited)),
    )
