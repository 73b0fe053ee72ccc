"""
A question in, an answer with checked citations out, as one call or as a stream of events.

The steps, each timed: rewrite (follow-ups, with an LLM) -> embed -> search -> answer -> cite.
One handle serves a question from end to end. Receives plain values. Knows no settings, no users
and no conversations beyond the turns it is handed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from pipelines.answering import followup, outline
from pipelines.answering.compose import NEEDS_LLM, Clock, streamed, told
from pipelines.answering.events import (
    Answer,
    Done,
    Event,
    Passages,
    StageStarted,
    Turn,
)
from pipelines.answering.replies import Replies
from pipelines.errors import InputError
from pipelines.search.handle import SearchHandle
from pipelines.store.db import Pool
from pipelines.system.first_use import FIRST_USE
from pipelines.text import smalltalk
from pipelines.text.clean import typed
from pipelines.text.stop_words import says_something

if TYPE_CHECKING:
    from haystack import Pipeline

    from pipelines.answering.components import Found, Query
    from pipelines.answering.generation import Generation
    from pipelines.answering.llm import LLMOptions

MAX_QUESTION_CHARS = 4000
# What a follow-up can lean on; older turns seldom matter and cost tokens.
HISTORY_TURNS = 6

T = TypeVar("T")


class Answerer:
    """Answers questions from the documents of one database. Safe to share between threads."""

    def __init__(
        self, pool: Pool, *, llm: LLMOptions | None = None, top_k: int = 6, workers: int = 8
    ) -> None:
        """
        Cheap: models and pipelines load with the first question.

        :param llm: The chat model. Without one, answers are extracts.
        :param top_k: Passages for an answer, unless a question says otherwise.
        :param workers: Questions that search at the same time.
        """
        self._pool = pool
        self.llm = llm
        self._top_k = top_k
        self._replies = Replies(pool, has_llm=llm is not None)
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="answer")

    def warm(self) -> None:
        """Build the pipelines now, so that the first question does not wait for imports."""
        _ = self._retrieval, self._replies.extraction, self._generation

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        handle: SearchHandle,
        top_k: int | None = None,
        collections: Sequence[str] | None = None,
    ) -> Answer:
        """
        The answer, for callers outside an event loop.

        :raises InputError: The question is empty or far too long.
        """

        async def drain() -> Answer:
            try:
                async with aclosing(
                    self.stream(
                        question, history, handle=handle, top_k=top_k, collections=collections
                    )
                ) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            return event.answer
            finally:
                await self.aclose()
            raise AssertionError("the stream ended without an answer")

        return asyncio.run(drain())

    async def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        handle: SearchHandle,
        top_k: int | None = None,
        collections: Sequence[str] | None = None,
        with_llm: bool = True,
    ) -> AsyncGenerator[Event, None]:
        """
        The events of one question, `Done` last. Closing the iterator ends the LLM's request.

        :param history: The conversation before this question, oldest first.
        :param with_llm: Whether the LLM may be called. If not, the answer is extracts.
        :param handle: Taken once by the caller. Everything here uses this one.
        :raises InputError: The question is empty or far too long.
        """
        asked = _checked(question)
        clock = Clock()
        turns = [turn for turn in history if turn.text.strip()][-HISTORY_TURNS:]
        if "_generation" not in self.__dict__:  # the imports would hold up the event loop
            await self._in_thread(self.warm)
        if (greeting := smalltalk.reply(asked)) is not None:
            query = self._query(asked, handle, top_k, collections)
            yield Done(await self._in_thread(partial(self._replies.greet, query, greeting, clock)))
            return
        generation = self._generation if with_llm else None
        if turns and followup.is_edit(asked):
            query = self._query(asked, handle, top_k, collections)
            before = await self._in_thread(partial(self._replies.before, query, turns))
            if generation is None:
                yield Done(told(query, clock, "greeting", NEEDS_LLM))
                return
            if before is not None:
                yield Passages(list(before.hits), asked)
                yield StageStarted("answer")
                last = turns[-1].text
                async with aclosing(self._generate(before, clock, generation, last)) as events:
                    async for event in events:
                        yield event
                return
        standing = asked
        if turns and generation is not None:
            yield StageStarted("rewrite")
            standing = await generation.rewrite(asked, turns)
            clock.mark("rewrite")
        elif turns and outline.subject(asked) is None:
            standing = followup.resolve(asked, turns) or asked
        query = self._query(standing, handle, top_k, collections)
        searched = standing if standing != asked else None
        async with aclosing(self._answer(query, turns, clock, generation)) as events:
            async for event in events:
                if isinstance(event, Done) and searched:
                    remarks = replace(event.answer.remarks, searched=searched)
                    event = Done(replace(event.answer, remarks=remarks))
                yield event

    async def _answer(
        self, query: Query, turns: Sequence[Turn], clock: Clock, generation: Generation | None
    ) -> AsyncGenerator[Event, None]:
        """The events of a question that stands alone."""
        if generation is None and outline.subject(query.question) is not None:
            outlined = await self._in_thread(partial(self._replies.outline, query, turns, clock))
            if outlined is not None:
                yield Done(outlined)
                return
        yield StageStarted("search")
        found = await self._in_thread(partial(self._search, query))
        clock.mark("search")
        if generation is None and turns:
            hits = followup.prefer(found.hits, query.question, turns)
            found = replace(found, hits=tuple(hits))
        # What only means something after what was said before, the model has put into words.
        is_follow_up = bool(turns) and generation is not None
        if vague := not (is_follow_up or says_something(query.question)):
            found = replace(found, hits=(), answerable=False)
        # The stage as a whole, and the two parts that are not its overhead.
        clock.ms |= {"embed": found.embed_ms, "sql": found.search_ms}
        yield Passages(list(found.hits), query.question)
        if not found.answerable:
            yield Done(
                await self._in_thread(
                    partial(self._replies.refuse, found, turns, clock, vague=vague)
                )
            )
            return
        yield StageStarted("answer")
        if generation is None:
            yield Done(await self._in_thread(partial(self._replies.extract, found, clock)))
            return
        async with aclosing(self._generate(found, clock, generation)) as events:
            async for event in events:
                yield event

    def search(
        self,
        question: str,
        handle: SearchHandle,
        *,
        top_k: int | None = None,
        collections: Sequence[str] | None = None,
    ) -> Found:
        """
        The passages for a question, best first.

        :raises InputError: The question is empty or far too long.
        """
        return self._search(self._query(_checked(question), handle, top_k, collections))

    def _query(
        self,
        question: str,
        handle: SearchHandle,
        top_k: int | None,
        collections: Sequence[str] | None,
    ) -> Query:
        _ = self._retrieval  # first: it imports what follows, alone
        from pipelines.answering.components import Query

        return Query(question, handle, top_k or self._top_k, collections)

    def _search(self, query: Query) -> Found:
        from pipelines.answering.components import run

        data = {"embed": {"query": query}, "retrieve": {"query": query}}
        found: Found = run(self._retrieval, data)["retrieve"]["found"]
        return found

    async def aclose(self) -> None:
        """Close the LLM's connections of the running event loop."""
        if "_generation" in self.__dict__ and self._generation is not None:
            await self._generation.aclose()

    def close(self) -> None:
        """End the threads that search, after the questions under way."""
        self._executor.shutdown()

    async def _generate(
        self, found: Found, clock: Clock, generation: Generation, last: str | None = None
    ) -> AsyncGenerator[Event, None]:
        assert self.llm is not None
        async with aclosing(generation.answer(found, last)) as pieces:
            events = streamed(found, clock, self.llm.model, pieces, last=last)
            async with aclosing(events):
                async for event in events:
                    yield event

    @cached_property
    def _retrieval(self) -> Pipeline:
        with FIRST_USE:
            from pipelines.answering import components

        return components.retrieval(self._pool)

    @cached_property
    def _generation(self) -> Generation | None:
        if self.llm is None:
            return None
        with FIRST_USE:
            from pipelines.answering.generation import Generation

        return Generation(self.llm)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


def _checked(question: str) -> str:
    text = " ".join(typed(question).split())
    if not text:
        raise InputError("The question is empty.")
    if len(text) > MAX_QUESTION_CHARS:
        raise InputError(
            f"The question has {len(text):,} characters; at most {MAX_QUESTION_CHARS:,} are taken."
        )
    return text
