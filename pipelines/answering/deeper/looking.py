"""A question for which the language model searches and reads by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from functools import partial

import openai
from haystack.dataclasses import ChatMessage, GeneratedAnswer

from pipelines.answering import cite
from pipelines.answering.compose import NOTHING_INDEXED, Writing, compose, written
from pipelines.answering.deeper.agent import Look
from pipelines.answering.deeper.library import FIRST_PASSAGES
from pipelines.answering.deeper.question import DeepQuestion
from pipelines.answering.deeper.tools import Tools, searched
from pipelines.answering.events import Answer, Done, Event, Passages, StepTaken
from pipelines.answering.llm import LLMError, explain
from pipelines.answering.prompts.builders import FromTemplate
from pipelines.text.thinking import Part, answer_of

NO_TOOLS = "The language model cannot search by itself. This answer rests on one wide search."
STOPPED = (
    "The language model could not go on searching. This answer rests on what was read until then."
)
ENDED = "The limit of {} was reached. This answer rests on what was read until then."
# Faults that another form of the request does not mend.
_LASTING = (
    openai.AuthenticationError, openai.PermissionDeniedError, openai.RateLimitError,
    openai.APIConnectionError,
)  # fmt: skip

log = logging.getLogger(__name__)


async def look(question: DeepQuestion) -> AsyncGenerator[Event, None]:
    """
    The events of an answer for which the model looks things up. If it cannot, or the budget ends, the
    answer is written from what was found until then.

    :raises LLMError: The model failed before it had written anything.
    """
    words = question.query.question
    hits = await question.in_thread(partial(question.library.search, words, FIRST_PASSAGES))
    yield searched(words, len(hits))
    if not hits:
        yield Done(compose(question.found(), question.clock, "not_found", NOTHING_INDEXED))
        return
    passages = question.notebook.passages(hits)
    looking = _Looking(question)
    async with aclosing(looking.events(passages)) as events:
        async for event in events:
            yield event
    if looking.answered:
        return
    async with aclosing(question.write()) as events:
        async for event in events:
            yield event


class _Looking:
    """The model's own search. `answered` tells whether its events ended with `Done`."""

    def __init__(self, question: DeepQuestion) -> None:
        self._question = question
        self._meter = question.meter(question.budget.steps - 1)
        self._look = Look(
            question.generation.agent_llm(), self._meter, question.notebook, question.in_thread
        )
        self._writing = Writing(0)
        self._steps = 0
        self.answered = False

    async def events(self, passages: str) -> AsyncGenerator[Event, None]:
        """
        The steps, and the answer if there is one.

        :param passages: What a first search found, as the model reads it.
        """
        question, fault = self._question, None
        template = question.generation.options.prompts.template("deeper")
        messages: list[ChatMessage] = FromTemplate(template).run(
            question=question.query.question, passages=passages, fence=question.notebook.fence
        )["prompt"]
        own = Tools(question.library, question.notebook, question.in_thread, self._look.tell)
        try:
            async with aclosing(self._look.run(messages, own)) as pieces:
                async for piece in pieces:
                    for event in self._shown(piece):
                        yield event
        except Exception as error:
            if error is own.fault:
                raise
            fault = self._explained(error)
        if fault is None and self._look.reply is None:
            for event in self._shown(Part("", is_thought=True, takes_back=True)):
                yield event
            question.note = self._why()
            return
        self.answered = True
        question.clock.mark("deeper")
        yield Done(await self._answer(fault))

    def _shown(self, piece: StepTaken | Part) -> list[Event]:
        """The events of a piece. The passages come before the first text that may cite them."""
        if isinstance(piece, StepTaken):
            self._steps += 1
            return [piece]
        events: list[Event] = []
        if not self._writing.text:
            if piece.takes_back:
                return []
            if not piece.is_thought:
                hits = list(self._question.notebook.hits)
                events.append(Passages(hits, self._question.query.question))
                self._writing = Writing(len(hits))
        event = self._writing.take(piece)
        return [*events, event] if event is not None else events

    def _explained(self, error: Exception) -> LLMError | None:
        """A fault of the model that lasts. None if it may still write the answer without tools."""
        explained = explain(error, self._question.generation.options)
        if any(isinstance(cause, _LASTING) for cause in _causes(error)):
            return explained
        log.warning("the language model could not use its tools: %s", explained)
        return None

    async def _answer(self, fault: LLMError | None) -> Answer:
        question, reply = self._question, self._look.reply
        whole, text = None, self._writing.text
        if reply is not None:
            data = cite.normalise(answer_of(reply.text or ""))
            whole = GeneratedAnswer(data, question.query.question, [], dict(reply.meta))
        model = question.generation.options.model
        return await asyncio.to_thread(
            written, question.found(), question.clock, model, text, whole, fault
        )

    def _why(self) -> str:
        """Why the model gave no answer of its own."""
        if self._meter.ended:
            return ENDED.format(self._meter.ended)
        return STOPPED if self._steps else NO_TOOLS


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
