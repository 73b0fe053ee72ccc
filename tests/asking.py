"""What the tests of answers ask, and the texts that answer it."""

from __future__ import annotations

from contextlib import aclosing

from pipelines.answering.answer import Answerer

QUESTION = "What was the total revenue in 2021?"
REVENUE = "The company grew. Total revenue was $17,455 million in 2021. Weather played no role."
OFFICES = "The head office is in San Francisco. It moved there in 2009 from a garage."


async def events(answerer: Answerer, handle, question: str = QUESTION, history=()):
    """The events of one question."""
    async with aclosing(answerer.stream(question, history, handle=handle)) as stream:
        return [event async for event in stream]
