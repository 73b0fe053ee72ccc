"""One question on its way through a deeper look, and how its answer is written at last."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pipelines.answering.components import Found, Query
from pipelines.answering.compose import Clock, generated, untouched
from pipelines.answering.deeper.budget import Budget, CallMeter
from pipelines.answering.deeper.library import Library
from pipelines.answering.deeper.notebook import Notebook
from pipelines.answering.events import Depth, Event, Passages, StageStarted
from pipelines.answering.generation import Generation


@dataclass
class DeepQuestion:
    """
    A question with what has been read for it.

    :param in_thread: Awaits a call that reads the database.
    :param note: Why the answer is not all that it could be.
    """

    query: Query
    clock: Clock
    depth: Depth
    budget: Budget
    generation: Generation
    library: Library
    notebook: Notebook
    in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]
    note: str | None = None

    def found(self) -> Found:
        """The numbered passages, as if one search had found them."""
        return untouched(self.query, tuple(self.notebook.hits))

    def meter(self, most: int) -> CallMeter:
        """A meter of up to `most` calls of the language model before the answer is written."""
        return CallMeter(self.budget, most, self.depth.may_call)

    async def write(self, notes: str | None = None) -> AsyncGenerator[Event, None]:
        """
        Let the language model write the answer from the passages, as every other answer.

        :param notes: Write it from these notes, which cite the passages.
        """
        found = self.found()
        yield Passages(list(found.hits), self.query.question)
        yield StageStarted("answer")
        async with aclosing(generated(self.generation, found, self.clock, notes)) as events:
            async for event in events:
                yield event
