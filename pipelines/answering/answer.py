"""
A question in, an answer with checked citations out, as one call or as a stream of events.

The steps, each timed: rewrite (follow-ups, with an LLM) -> embed -> search -> answer -> cite.
An LLM that fails before its first word is done without: the answer is extracts, and says why.
One handle serves a question from end to end. Receives plain values. Knows no settings, no users
and no conversations beyond the turns it is handed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from contextvars import copy_context
from dataclasses import replace
from functools import cached_property, partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from pipelines.answering import edits, followup, outline
from pipelines.answering.compose import NEEDS_LLM, NOT_DEEPER, Clock, generated, told
from pipelines.answering.deeper.asked import wants_more
from pipelines.answering.deeper.budget import DEFAULT, Budget
from pipelines.answering.events import (
    AS_ASKED,
    Answer,
    Depth,
    Done,
    Event,
    Passages,
    StageStarted,
    Turn,
)
from pipelines.answering.llm import LLMError
from pipelines.answering.replies import Replies, surest
from pipelines.search.handle import SearchHandle
from pipelines.store.db import Pool
from pipelines.store.scope import Within
from pipelines.store.standby import Standby
from pipelines.system.first_use import FIRST_USE
from pipelines.text import smalltalk
from pipelines.text.clean import question_of
from pipelines.text.stop_words import says_something

if TYPE_CHECKING:
    from haystack import Pipeline

    from pipelines.answering.components import Found, Query
    from pipelines.answering.deeper.deeper import Deeper
    from pipelines.answering.generation import Generation
    from pipelines.answering.llm import LLMOptions

MAX_QUESTION_CHARS = 4000
# What a follow-up can lean on; older turns seldom matter and cost tokens.
HISTORY_TURNS = 6
# Language models whose clients are kept, by what calls them.
MOST_LLMS = 8

T = TypeVar("T")


class Answerer:
    """Answers questions from the documents of one database. Safe to share between threads."""

    def __init__(
        self,
        pool: Pool,
        *,
        top_k: int = 6,
        workers: int = 8,
        standby: Standby | None = None,
        budget: Budget = DEFAULT,
    ) -> None:
        """
        Cheap: models and pipelines load with the first question.

        :param top_k: Passages for an answer, unless a question says otherwise.
        :param workers: Questions that search at the same time.
        :param standby: A copy of the database that searches read where it is fit.
        :param budget: What a question may take that one search cannot answer.
        """
        self._pool, self._standby = pool, standby
        self._top_k, self._budget = top_k, budget
        self._replies = Replies(pool)
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="answer")
        self._generations: dict[LLMOptions, Generation] = {}
        self._lock = Lock()

    def warm(self, llm: LLMOptions | None = None) -> None:
        """Build the pipelines now, so that the first question does not wait for imports."""
        _ = self._retrieval, self._replies.extraction
        if llm is not None:
            _ = self._generation(llm), self._deeper

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        handle: SearchHandle,
        top_k: int | None = None,
        collections: Within | None = None,
        llm: LLMOptions | None = None,
        depth: Depth = AS_ASKED,
        tell: Callable[[Event], None] | None = None,
    ) -> Answer:
        """
        The answer, for callers outside an event loop. See `stream`.

        :param tell: Called with each event on the way.
        :raises InputError: The question is empty or far too long.
        """

        async def drain() -> Answer:
            stream = self.stream(
                question, history, handle=handle, top_k=top_k, collections=collections, llm=llm,
                depth=depth,
            )  # fmt: skip
            try:
                async with aclosing(stream) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            return event.answer
                        if tell is not None:
                            tell(event)
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
        collections: Within | None = None,
        llm: LLMOptions | None = None,
        depth: Depth = AS_ASKED,
    ) -> AsyncGenerator[Event, None]:
        """
        The events of one question, `Done` last. Closing the iterator ends the LLM's request.

        :param history: The conversation before this question, oldest first.
        :param llm: The language model, which this question keeps to its end. Without one, the answer
            is extracts.
        :param handle: Taken once by the caller. Everything here uses this one.
        :param depth: Whether to search again and again, or read whole documents, for the answer.
        :raises InputError: The question is empty or far too long.
        """
        asked, clock = question_of(question, MAX_QUESTION_CHARS), Clock()
        turns = [turn for turn in history if turn.text.strip()][-HISTORY_TURNS:]
        if not self._is_warm(llm):  # the imports would hold up the event loop
            await self._in_thread(partial(self.warm, llm))
        query = self._query(asked, handle, top_k, collections)
        if (greeting := smalltalk.reply(asked)) is not None:
            yield Done(await self._in_thread(partial(self._replies.greet, query, greeting, clock)))
            return
        fault = None
        if llm is not None:
            written = self._events(query, turns, clock, self._generation(llm), depth)
            try:
                async with aclosing(written) as events:
                    async for event in events:
                        yield event
                return
            except LLMError as error:
                fault = error
        async with aclosing(self._events(query, turns, clock, None, depth)) as events:
            async for event in events:
                if isinstance(event, Done) and fault is not None:
                    event = Done(event.answer.without_llm(fault.without_answer))
                yield event

    async def _events(
        self,
        query: Query,
        turns: Sequence[Turn],
        clock: Clock,
        generation: Generation | None,
        depth: Depth,
    ) -> AsyncGenerator[Event, None]:
        """
        The events of a question, with the LLM or without any.

        :raises LLMError: The LLM failed before it had written anything.
        """
        asked = query.question
        if turns and edits.is_edit(asked):
            before = await self._in_thread(partial(self._replies.before, query, turns))
            if generation is None:
                yield Done(told(query, clock, "greeting", NEEDS_LLM))
                return
            if before is not None:
                yield Passages(list(before.hits), asked)
                yield StageStarted("answer")
                last = turns[-1].text
                async with aclosing(
                    generated(generation, before, clock, last, is_final=True)
                ) as events:
                    async for event in events:
                        yield event
                return
        readings = [asked]
        if turns and generation is not None:
            yield StageStarted("rewrite")
            readings = [await generation.rewrite(asked, turns)]
            clock.mark("rewrite")
        elif turns and outline.subject(asked) is None:
            readings = await self._in_thread(partial(self._replies.readings, asked, turns))
        queries = [replace(query, question=reading) for reading in readings]
        if generation is not None and depth.applies(wants_more(queries[0].question)):
            answered = self._deeper.stream(queries[0], turns, clock, generation, depth)
        else:
            answered = self._answer(queries, turns, clock, generation)
        async with aclosing(answered) as events:
            async for event in events:
                if isinstance(event, Done) and depth.wanted and generation is None:
                    event = Done(replace(event.answer, note=event.answer.note or NOT_DEEPER))
                if isinstance(event, Done) and event.answer.question != asked:
                    remarks = replace(event.answer.remarks, searched=event.answer.question)
                    event = Done(replace(event.answer, remarks=remarks))
                yield event

    async def _answer(
        self,
        queries: Sequence[Query],
        turns: Sequence[Turn],
        clock: Clock,
        generation: Generation | None,
    ) -> AsyncGenerator[Event, None]:
        """The events of a question that stands alone: of what it may mean, likeliest first."""
        query = queries[0]
        yield StageStarted("search")
        if generation is None:
            at_once = partial(self._replies.at_once, query, turns, clock, self._search)
            if (answer := await self._in_thread(at_once)) is not None:
                yield Done(answer)
                return
        every = [await self._in_thread(partial(self._search, query)) for query in queries]
        if generation is None and turns:
            every = [
                replace(found, hits=tuple(followup.prefer(found.hits, found.query.question, turns)))
                for found in every
            ]
        found = every[0] if len(every) == 1 else await self._in_thread(partial(surest, every))
        if generation is None or not turns:  # a model that rewrites a follow-up mends it as well
            found = await self._in_thread(partial(self._replies.spelt, found, self._search))
        query = found.query
        clock.mark("search")
        # What only means something after what was said before, the model has put into words.
        is_follow_up = bool(turns) and generation is not None
        if vague := not (is_follow_up or says_something(query.question)):
            found = replace(found, hits=(), answerable=False, possible=False)
        # The stage as a whole, and the two parts that are not its overhead.
        clock.ms |= {"embed": found.embed_ms, "sql": found.search_ms}
        yield Passages(list(found.hits), query.question)
        if not found.answerable and not (generation and found.possible):
            if generation is None and not vague:
                count = partial(self._replies.counted, found, clock, self._search)
                if (counted := await self._in_thread(count)) is not None:
                    yield Done(counted)
                    return
            refuse = partial(self._replies.refuse, found, turns, clock, vague=vague)
            yield Done(await self._in_thread(refuse))
            return
        yield StageStarted("answer")
        if generation is None:
            extract = partial(self._replies.extract, found, clock, self._search)
            yield Done(await self._in_thread(extract))
            return
        async with aclosing(generated(generation, found, clock)) as events:
            async for event in events:
                yield event

    def search(
        self,
        question: str,
        handle: SearchHandle,
        *,
        top_k: int | None = None,
        collections: Within | None = None,
    ) -> Found:
        """
        The passages for a question, best first.

        :raises InputError: The question is empty or far too long.
        """
        asked = question_of(question, MAX_QUESTION_CHARS)
        return self._search(self._query(asked, handle, top_k, collections))

    def _query(
        self, question: str, handle: SearchHandle, top_k: int | None, collections: Within | None
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
        for generation in list(self._generations.values()):
            await generation.aclose()

    def close(self) -> None:
        """End the threads that search, after the questions under way."""
        self._executor.shutdown()

    @cached_property
    def _retrieval(self) -> Pipeline:
        with FIRST_USE:
            from pipelines.answering import components

        return components.retrieval(self._pool, self._standby)

    def _is_warm(self, llm: LLMOptions | None) -> bool:
        return "_retrieval" in self.__dict__ and (llm is None or llm in self._generations)

    def _generation(self, llm: LLMOptions) -> Generation:
        """The one of a language model. What has not been used for longest makes room."""
        with FIRST_USE:
            from pipelines.answering.generation import Generation

        with self._lock:
            generation = self._generations.pop(llm, None) or Generation(llm)
            self._generations[llm] = generation
            if len(self._generations) > MOST_LLMS:
                del self._generations[next(iter(self._generations))]
        return generation

    @cached_property
    def _deeper(self) -> Deeper:
        with FIRST_USE:
            from pipelines.answering.deeper.deeper import Deeper

        return Deeper(self._pool, self._budget, self._search, self._in_thread)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        # The thread knows what the log and the traces tell of the question.
        here = partial(copy_context().run, call)
        return await asyncio.get_running_loop().run_in_executor(self._executor, here)
