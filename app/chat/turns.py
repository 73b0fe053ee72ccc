"""
One visitor's turns: asks the answerer, stores what was said, and yields what to show meanwhile.

Knows no Gradio. Every call names the visitor; what is not theirs is not there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from app import metrics
from app.limits import OVER_BUDGET, Limits
from app.reader import Reader, clear_all
from pipelines.errors import AttuneError, InputError
from pipelines.reply import Answer, Citation, Done, Event, Passages, StageStarted, Token, Turn
from pipelines.store import chats, documents
from pipelines.store.chats import Message, Shown

if TYPE_CHECKING:
    from app.wiring import Services
    from pipelines.store.search import Hit

log = logging.getLogger(__name__)

TITLE_CHARS = 60
STAGES = {"rewrite": "Reading the conversation", "search": "Searching", "answer": "Answering"}


@dataclass(frozen=True)
class Progress:
    """How far an answer is; `message` is the stored one, at the end."""

    conversation: UUID
    text: str = ""
    stage: str = ""
    message: Message | None = None


class Stops:
    """Lets a button end an answer that another request streams."""

    def __init__(self) -> None:
        self._events: dict[UUID, asyncio.Event] = {}

    def stop(self, conversation: UUID) -> None:
        """End the answer under way in this conversation, if there is one."""
        if conversation in self._events:
            self._events[conversation].set()

    def stop_all(self) -> None:
        """End all answers under way, for a server that ends."""
        for event in self._events.values():
            event.set()

    async def until(
        self, conversation: UUID, events: AsyncIterator[Event]
    ) -> AsyncGenerator[Event, None]:
        """The events until they end or somebody stops them, also between two of them."""
        stop = self._events[conversation] = asyncio.Event()
        stopping = asyncio.ensure_future(stop.wait())
        following: asyncio.Future[Event] | None = None
        try:
            while True:
                following = asyncio.ensure_future(anext(events))
                await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    return
                try:
                    yield following.result()
                except StopAsyncIteration:
                    return
        finally:
            stopping.cancel()
            if following is not None and not following.done():
                following.cancel()
                await asyncio.wait({following})
            self._events.pop(conversation, None)


async def ask(
    services: Services,
    stops: Stops,
    limits: Limits,
    reader: Reader,
    conversation_id: UUID | None,
    question: str,
) -> AsyncGenerator[Progress, None]:
    """
    Answer a question in a conversation, a new one if None; the last event holds the answer.

    When it is stopped, or the caller stops listening, what came so far is stored with a note.
    Passages come from collections that are open to the reader.

    :raises InputError: The question is empty.
    """
    question = question.strip()
    if not question:
        raise InputError("The question is empty.")
    conversation, history, collections = await asyncio.to_thread(
        _open, services, reader, conversation_id, question
    )
    yield Progress(conversation, stage=STAGES["search"])
    text = ""
    hits: list[Hit] = []
    started = time.perf_counter()
    finished = False
    try:
        await asyncio.to_thread(services.replica.current)  # loads at the first question
        with services.replica.question() as handle:
            has_llm = services.answerer.llm is not None
            within_budget = not has_llm or await asyncio.to_thread(
                limits.may_call_llm, 2 if history else 1
            )
            stream = services.answerer.stream(
                question, history, handle=handle, collections=collections, with_llm=within_budget
            )
            async with aclosing(stream), aclosing(stops.until(conversation, stream)) as events:
                async for event in events:
                    if isinstance(event, StageStarted):
                        yield Progress(conversation, text, STAGES[event.stage])
                    elif isinstance(event, Passages):
                        hits = event.hits
                    elif isinstance(event, Token):
                        text += event.text
                        yield Progress(conversation, text, STAGES["answer"])
                    elif isinstance(event, Done):
                        finished = True
                        metrics.observe(event.answer)
                        answer = event.answer
                        if not within_budget:
                            answer = replace(answer, note=OVER_BUDGET)
                        message = await asyncio.to_thread(_store, services, conversation, answer)
                        yield Progress(conversation, message=message)
                        services.shadow.offer(event.answer, message.id, collections)
    except AttuneError as error:
        finished = True
        metrics.failures.labels(type(error).__name__).inc()
        message = await asyncio.to_thread(_store_fault, services, conversation, str(error))
        yield Progress(conversation, message=message)
    except Exception as error:
        finished = True
        metrics.failures.labels(type(error).__name__).inc()
        incident = uuid4().hex[:8]
        log.exception("incident %s", incident)
        text = f"An unexpected fault ended this answer (incident {incident})."
        message = await asyncio.to_thread(_store_fault, services, conversation, text)
        yield Progress(conversation, message=message)
    finally:
        if not finished:
            metrics.stopped.inc()
            _store_stopped(services, conversation, text, hits, time.perf_counter() - started)


def _open(
    services: Services, reader: Reader, conversation_id: UUID | None, question: str
) -> tuple[UUID, list[Turn], list[str] | None]:
    """The conversation, what was said in it before, and where to search; None: everywhere."""
    visitor = reader.visitor
    with services.pool.connection() as conn:
        collections = documents.open_collections(conn, reader.closed) if reader.closed else None
        if conversation_id is None or chats.get(conn, visitor, conversation_id) is None:
            title = question if len(question) <= TITLE_CHARS else question[: TITLE_CHARS - 1] + "…"
            conversation, before = chats.start(conn, visitor, title), list[Message]()
        else:
            conversation = conversation_id
            before = clear_all(reader, chats.messages(conn, visitor, conversation))
        chats.add(conn, conversation, role="user", text=question)
    turns = [
        Turn("user" if message.role == "user" else "assistant", message.text) for message in before
    ]
    return conversation, turns, collections


def _store(services: Services, conversation: UUID, answer: Answer) -> Message:
    cited = {citation.number: citation for citation in answer.citations}
    shown = [_shown(n, hit, cited) for n, hit in enumerate(answer.passages, 1)]
    with services.pool.connection() as conn:
        message_id = chats.add(
            conn,
            conversation,
            role="assistant",
            text=answer.text,
            kind=answer.kind,
            epoch=answer.epoch,
            index_id=answer.index_id,
            model_name=answer.model_name,
            llm=answer.llm,
            shown=shown,
            timings_ms=answer.timings_ms,
            note=answer.note,
        )
    return Message(
        message_id, "assistant", answer.text, answer.kind, answer.model_name, answer.epoch,
        shown, answer.note,
    )  # fmt: skip


def _store_fault(services: Services, conversation: UUID, text: str) -> Message:
    with services.pool.connection() as conn:
        message_id = chats.add(conn, conversation, role="assistant", text=text, kind="error")
    return Message(message_id, "assistant", text, "error", None, None)


def _store_stopped(
    services: Services, conversation: UUID, text: str, hits: list[Hit], seconds: float
) -> None:
    with services.pool.connection() as conn:
        chats.add(
            conn,
            conversation,
            role="assistant",
            text=text or "Stopped.",
            kind="llm" if text else "error",
            shown=[_shown(n, hit, {}) for n, hit in enumerate(hits, 1)],
            timings_ms={"total": round(seconds * 1e3, 2)},
            note="Stopped before the end." if text else None,
        )


def _shown(number: int, hit: Hit, cited: dict[int, Citation]) -> Shown:
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
    )
