"""What the tests of deeper looks ask, and how they see its steps."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from pipelines.answering.events import Depth, StepTaken

PUMP = "The pump K-53 has a torque of 40 Nm. It is greased every month."

VALVE = "The valve V-7 opens at 12 bar. It was tested in May."

SECRET = "The secret budget of the pump K-53 is 9000 euros."

LIST = "List all torque values."

DEEPER = Depth(wanted=True)


def id_of(pool, title: str) -> int:
    """A document's number."""
    with pool.connection() as conn:
        return conn.execute("select id from document where title = %s", (title,)).fetchone()[0]


def events(answerer, handle, question=LIST, depth=DEEPER, within=None):
    """The events of one question, and its answer."""

    async def read():
        stream = answerer.stream(question, handle=handle, depth=depth, collections=within)
        async with aclosing(stream) as seen:
            return [event async for event in seen]

    seen = asyncio.run(read())
    return seen, seen[-1].answer


def steps(seen) -> list[str]:
    """The steps that were told."""
    return [event.text for event in seen if isinstance(event, StepTaken)]


def results(llm, request: int = -1) -> list[str]:
    """What the tools have told the model."""
    return [m["content"] for m in llm.requests[request]["messages"] if m["role"] == "tool"]
