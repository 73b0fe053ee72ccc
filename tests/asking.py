"""What the tests of answers ask, and the texts that answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager

from pipelines.answering.answer import Answerer

QUESTION = "What was the total revenue in 2021?"
REVENUE = "The company grew. Total revenue was $17,455 million in 2021. Weather played no role."
OFFICES = "The head office is in San Francisco. It moved there in 2009 from a garage."


async def events(answerer: Answerer, handle, question: str = QUESTION, history=()):
    """The events of one question."""
    async with aclosing(answerer.stream(question, history, handle=handle)) as stream:
        return [event async for event in stream]


@contextmanager
def closed_afterwards(build: Callable[..., Answerer]) -> Iterator[Callable[..., Answerer]]:
    """Build answerers by this function. Their threads are ended at the exit."""
    made = []

    def build_one(*arguments, **named) -> Answerer:
        made.append(build(*arguments, **named))
        return made[-1]

    yield build_one
    for answerer in made:
        answerer.close()
