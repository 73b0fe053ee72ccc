"""
One visitor's turns: asks the answerer, stores the messages, and yields what to show meanwhile.

Independent of Gradio. Every call names the visitor, and other visitors' rows are invisible.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg

from app.access.limits import OVER_BUDGET, Limits
from app.access.reader import Reader, clear_all
from app.chat import storing
from app.chat.stops import Stops
from app.live import metrics
from pipelines.answering.events import (
    Done,
    Event,
    Passages,
    Retrying,
    Stage,
    StageStarted,
    Thinking,
    Token,
    Turn,
    cited_first,
)
from pipelines.errors import DISK_FULL, AttuneError, InputError, is_disk_full
from pipelines.store import chats
from pipelines.store.chats import Message, Shown
from pipelines.text.clean import typed

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.store.hits import Hit

log = logging.getLogger(__name__)

TITLE_CHARS = 60


@dataclass(frozen=True)
class AnswerProgress:
    """
    The state of an answer that is being made.

    :param found: The hits of the search, as the answer will show them.
    :param retry: Set while the language model is tried again.
    :param thinking: What a reasoning model has thought, while it has not begun to answer.
    :param waited_s: Seconds since the stage began or the last piece of text arrived.
    :param message: The stored answer, at the end.
    """

    conversation: UUID
    text: str = ""
    stage: Stage = "search"
    found: Sequence[Shown] = ()
    retry: Retrying | None = None
    thinking: str = ""
    waited_s: float = 0
    message: Message | None = None


@dataclass
class _AnswerUnderWay:
    """The state of one question since it was asked."""

    services: Services
    conversation: UUID
    stored: UUID | None  # the conversation to store in, or None if the disk is full
    visitor: str
    stops: Stops
    text: str = ""
    stage: Stage = "search"
    hits: Sequence[Hit] = ()
    # Numbers of the passages that the text cites, in order of appearance.
    cited: tuple[int, ...] = ()
    shown: list[Shown] = field(default_factory=list)
    retry: Retrying | None = None
    thinking: str = ""
    started: float = field(default_factory=time.perf_counter)
    heard: float = field(default_factory=time.perf_counter)
    finished: bool = False

    def take(self, event: Event | None) -> AnswerProgress:
        """The progress after an event, or after a second without one (None)."""
        if event is not None:
            self._note(event)
        waited_s = time.perf_counter() - self.heard
        thinking = "" if self.text else self.thinking
        return AnswerProgress(
            self.conversation, self.text, self.stage, self.shown, self.retry, thinking, waited_s
        )

    def _note(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self.stage = event.stage
        elif isinstance(event, Passages):
            self.hits = event.hits
            self._keep()
        elif isinstance(event, Retrying):
            self.retry = event
            return  # the wait goes on
        elif isinstance(event, Thinking):
            self.text = "" if event.takes_back else self.text
            self.thinking += event.text
            self.retry = None
        elif isinstance(event, Token):
            self.text += event.text
            self.retry = None
            if event.cited != self.cited:
                self.cited = event.cited
                self._keep()
        self.heard = time.perf_counter()

    def _keep(self) -> None:
        """Number the passages as the text so far does. Supporting sentences are not known yet."""
        cited = len(self.cited)
        self.shown = [
            replace(storing.shown_of(number, hit, {}), cited=number <= cited)
            for number, hit in enumerate(cited_first(self.hits, self.cited), 1)
        ]
        # The answer may still cite all of them.
        shown = [replace(passage, cited=True) for passage in self.shown]
        self.stops.keep(self.conversation, self.visitor, shown)

    async def stop(self) -> None:
        """Store the text so far, even if the asking task has been cancelled."""
        seconds = time.perf_counter() - self.started
        stored = asyncio.ensure_future(
            asyncio.to_thread(
                storing.store_stopped, self.services, self.stored, self.text, self.shown, seconds
            )
        )
        await asyncio.shield(stored)


async def ask(
    services: Services,
    stops: Stops,
    limits: Limits,
    reader: Reader,
    conversation_id: UUID | None,
    question: str,
    *,
    help: bool = False,
) -> AsyncGenerator[AnswerProgress, None]:
    """
    Answer a question in a conversation, or in a new one if None. The last event has the answer.

    If it is stopped, or the caller stops listening, the text so far is stored with a note. Only
    collections that the reader may read are searched.

    :param help: A new conversation is about Attune itself and searches only the handbook.

    :raises InputError: The question is empty.
    """
    question = typed(question).strip()
    if not question:
        raise InputError("The question is empty.")
    conversation, history, collections, is_stored = await asyncio.to_thread(
        _open, services, reader, conversation_id, question, help=help
    )
    stored = conversation if is_stored else None
    turn = _AnswerUnderWay(services, conversation, stored, reader.visitor, stops)
    yield turn.take(None)
    steps = _answer(services, limits, question, history, collections)
    try:
        async with aclosing(steps), aclosing(stops.until(conversation, steps)) as events:
            async for event in events:
                if not isinstance(event, Done):
                    yield turn.take(event)
                    continue
                turn.finished = True
                message = await asyncio.to_thread(storing.store, services, stored, event.answer)
                yield AnswerProgress(conversation, message=message)
                # What was not searched for cannot be compared.
                if message.id != storing.UNSAVED and "search" in event.answer.timings_ms:
                    services.shadow.offer(event.answer, message.id, collections)
    except Exception as error:
        turn.finished = True
        metrics.failures.labels(type(error).__name__).inc()
        message = await asyncio.to_thread(storing.store_fault, services, stored, _reason(error))
        yield AnswerProgress(conversation, message=message)
    finally:
        if not turn.finished:
            metrics.stopped.inc()
            await turn.stop()


async def _answer(
    services: Services,
    limits: Limits,
    question: str,
    history: list[Turn],
    collections: list[str] | None,
) -> AsyncGenerator[Event, None]:
    """
    The answerer's events on one handle. If the day's LLM calls are used up, the answer is extracts.
    """
    await asyncio.to_thread(services.replica.answering)  # loads at the first question
    with services.replica.question() as handle:
        has_llm = services.answerer.llm is not None
        within_budget = not has_llm or await asyncio.to_thread(
            limits.may_call_llm, 2 if history else 1
        )
        stream = services.answerer.stream(
            question, history, handle=handle, collections=collections, with_llm=within_budget
        )
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Done):
                    metrics.observe(event.answer)
                    if not within_budget:
                        event = Done(replace(event.answer, note=OVER_BUDGET))
                yield event


def _reason(error: Exception) -> str:
    """Explain in words what ended an answer. Unexpected faults are logged."""
    if isinstance(error, AttuneError):
        return str(error)
    if is_disk_full(error):
        return DISK_FULL
    incident = uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return f"An unexpected fault ended this answer (incident {incident})."


_Opened = tuple[UUID, list[Turn], list[str], bool]


def _open(
    services: Services,
    reader: Reader,
    conversation_id: UUID | None,
    question: str,
    *,
    help: bool = False,
) -> _Opened:
    """
    Open the conversation and store the question. On a full disk it is answered without being
    stored.

    :returns: The conversation, its earlier turns, the collections to search, and whether the
        question was stored.
    """
    try:
        return _opened(services, reader, conversation_id, question, help=help, store=True)
    except psycopg.Error as error:
        if not is_disk_full(error):
            raise
    services.disk.note_full()
    return _opened(services, reader, conversation_id, question, help=help, store=False)


def _opened(
    services: Services,
    reader: Reader,
    conversation_id: UUID | None,
    question: str,
    *,
    help: bool,
    store: bool,
) -> _Opened:
    visitor = reader.visitor
    with services.pool.connection() as conn:
        known = chats.get(conn, visitor, conversation_id) if conversation_id else None
        if known is None:
            title = question if len(question) <= TITLE_CHARS else question[: TITLE_CHARS - 1] + "…"
            conversation = chats.start(conn, visitor, title, help=help) if store else uuid4()
            before = list[Message]()
        else:
            conversation, help = known.id, known.help
            before = clear_all(reader, chats.messages(conn, visitor, conversation))
        collections = reader.readable(conn, help=help)
        if store:
            chats.add(conn, conversation, role="user", text=question)
    return conversation, [storing.turn_of(message) for message in before], collections, store
