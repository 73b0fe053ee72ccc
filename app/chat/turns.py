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
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from app.access.limits import Limits
from app.access.reader import Reader
from app.chat import opening, storing, unread
from app.chat.picker.choice import Wanted
from app.chat.stops import Stops
from app.live import metrics
from pipelines.answering.events import (
    Answer,
    Depth,
    Done,
    Event,
    Passages,
    Retrying,
    Stage,
    StageStarted,
    StepTaken,
    Thinking,
    Token,
    Turn,
    cited_first,
)
from pipelines.answering.follow_ups import follow_ups
from pipelines.errors import DISK_FULL, AttuneError, InputError, is_disk_full
from pipelines.store.chats import Message, Remarks, Shown
from pipelines.text.clean import typed

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.store.hits import Hit

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnswerProgress:
    """
    The state of an answer that is being made.

    :param found: The hits of the search, as the answer will show them.
    :param retry: Set while the language model is tried again.
    :param thinking: What a reasoning model has thought, while it has not begun to answer.
    :param steps: What has been done so far, if one search was not enough.
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
    steps: tuple[str, ...] = ()
    message: Message | None = None


@dataclass
class _AnswerUnderWay:
    """The state of one question since it was asked."""

    services: Services
    conversation: UUID
    stored: UUID | None  # the conversation to store in, or None if the disk is full
    visitor: str
    stops: Stops
    deeper: bool
    text: str = ""
    stage: Stage = "search"
    hits: Sequence[Hit] = ()
    # Numbers of the passages that the text cites, in order of appearance.
    cited: tuple[int, ...] = ()
    shown: list[Shown] = field(default_factory=list)
    retry: Retrying | None = None
    thinking: str = ""
    steps: tuple[str, ...] = ()
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
            self.conversation, self.text, self.stage, self.shown, self.retry, thinking, waited_s,
            self.steps,
        )  # fmt: skip

    def _note(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self.stage = event.stage
        elif isinstance(event, Passages):
            self.hits = event.hits
            self._keep()
        elif isinstance(event, StepTaken):
            self.steps = (*(self.steps[:-1] if event.replaces else self.steps), event.text)
            self.retry = None
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
                storing.store_stopped,
                self.services,
                self.stored,
                self.text,
                self.shown,
                seconds,
                Remarks(deeper=self.deeper),
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
    wanted: Wanted | None = None,
    *,
    help: bool = False,
    deeper: bool = False,
) -> AsyncGenerator[AnswerProgress, None]:
    """
    Answer a question in a conversation, or in a new one if None. The last event has the answer.

    If it is stopped, or the caller stops listening, the text so far is stored with a note. Only
    collections that the reader may read are searched.

    :param wanted: What to search. None: what the conversation is limited to.
    :param help: A new conversation is about Attune itself and searches only the handbook.
    :param deeper: Look deeper, even if the question does not ask for it.
    :raises InputError: The question is empty.
    """
    question = typed(question).strip()
    if not question:
        raise InputError("The question is empty.")
    opened = await asyncio.to_thread(
        opening.open_, services, reader, conversation_id, question, wanted, help=help
    )
    conversation, within = opened.conversation, opened.within
    stored = conversation if opened.is_stored else None
    turn = _AnswerUnderWay(services, conversation, stored, reader.visitor, stops, deeper)
    yield turn.take(None)
    steps = _answer(services, limits, question, opened, deeper=deeper)
    try:
        async with aclosing(steps), aclosing(stops.until(conversation, steps)) as events:
            async for event in events:
                if not isinstance(event, Done):
                    yield turn.take(event)
                    continue
                turn.finished = True
                answer = _remarked(event.answer, opened.history, deeper=deeper)
                answer = opened.choice.mark(answer)
                answer = await asyncio.to_thread(unread.noted, services, reader, answer)
                message = await asyncio.to_thread(storing.store, services, stored, answer)
                yield AnswerProgress(conversation, message=message)
                # What was not searched for cannot be compared.
                if message.id != storing.UNSAVED and "search" in event.answer.timings_ms:
                    services.shadow.offer(event.answer, message.id, within)
    except Exception as error:
        turn.finished = True
        metrics.failures.labels(type(error).__name__).inc()
        message = await asyncio.to_thread(
            storing.store_fault, services, stored, _reason(error), Remarks(deeper=deeper)
        )
        yield AnswerProgress(conversation, message=message)
    finally:
        if not turn.finished:
            metrics.stopped.inc()
            await turn.stop()


async def _answer(
    services: Services,
    limits: Limits,
    question: str,
    opened: opening.OpenedChat,
    *,
    deeper: bool,
) -> AsyncGenerator[Event, None]:
    """
    The answerer's events on one handle. If the day's LLM calls are used up, the answer is extracts.
    """
    await asyncio.to_thread(services.replica.answering)  # loads at the first question
    with services.replica.question() as handle:
        granted = await asyncio.to_thread(
            services.llms.grant,
            limits,
            calls=2 if opened.history else 1,
            wanted=opened.choice.llm,
        )
        stream = services.answerer.stream(
            question,
            opened.history,
            handle=handle,
            collections=opened.within,
            llm=granted.llm,
            depth=Depth(deeper or None, partial(limits.may_call_llm, 1)),
        )
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Done):
                    metrics.observe(event.answer)
                    event = Done(event.answer.noted(granted.note))
                yield event


def _remarked(answer: Answer, history: Sequence[Turn], *, deeper: bool) -> Answer:
    asked = [turn.text for turn in history if turn.role == "user"]
    remarks = replace(answer.remarks, follow_ups=follow_ups(answer, asked), deeper=deeper)
    return replace(answer, remarks=remarks)


def _reason(error: Exception) -> str:
    """Explain in words what ended an answer. Unexpected faults are logged."""
    if isinstance(error, AttuneError):
        return str(error)
    if is_disk_full(error):
        return DISK_FULL
    incident = uuid4().hex[:8]
    log.error("incident %s", incident, exc_info=error)
    return f"An unexpected fault ended this answer (incident {incident})."
