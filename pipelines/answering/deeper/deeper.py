"""
A deeper look at the documents, for questions that one search cannot answer, as a stream of events.

Documents that are meant as a whole are read whole if they fit, else part by part. For anything else
the language model searches and reads by itself, in a bounded number of steps. In both ways the
answer rests on numbered passages and is checked against them as every other answer is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipelines.answering.components import Found, Query
from pipelines.answering.compose import Clock
from pipelines.answering.deeper import asked
from pipelines.answering.deeper.budget import Budget
from pipelines.answering.deeper.library import Library, Listed
from pipelines.answering.deeper.looking import look
from pipelines.answering.deeper.notebook import Notebook
from pipelines.answering.deeper.question import DeepQuestion
from pipelines.answering.deeper.reading import read
from pipelines.answering.events import Depth, Done, Event, StageStarted, StepTaken, Turn
from pipelines.answering.generation import Generation
from pipelines.store.db import Pool


@dataclass(frozen=True)
class Deeper:
    """
    Looks deeper for the questions of one answerer.

    :param search: Finds the passages of a query.
    :param in_thread: Awaits a call that reads the database.
    """

    pool: Pool
    budget: Budget
    search: Callable[[Query], Found]
    in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]

    async def stream(
        self,
        query: Query,
        turns: Sequence[Turn],
        clock: Clock,
        generation: Generation,
        depth: Depth,
    ) -> AsyncGenerator[Event, None]:
        """
        The events of one question, `Done` last. Closing the iterator ends the LLM's request.

        :param turns: The conversation before the question.
        :raises LLMError: The language model failed before it had written anything.
        :raises psycopg.Error: The database failed.
        """
        yield StageStarted("deeper")
        library, notebook = Library(self.pool, query, self.search), Notebook(self.budget.chars)
        question = DeepQuestion(
            query, clock, depth, self.budget, generation, library, notebook, self.in_thread
        )
        documents: list[Listed] = []
        if asked.is_about_whole(query.question):
            before = next((turn.documents for turn in reversed(turns) if turn.documents), ())
            documents = await self.in_thread(partial(library.meant, before, self.budget.chars))
        async with aclosing(read(question, documents) if documents else look(question)) as events:
            async for event in events:
                if isinstance(event, StepTaken):
                    notebook.note(event)
                elif isinstance(event, Done):
                    event = Done(notebook.remarked(event.answer, question.note))
                yield event
