"""The running answers on this server: how to stop them, and the hits of their searches."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from pipelines.answering.events import Event
from pipelines.store.chats import Shown

# How often the reader is told that nothing has arrived.
TICK_S = 1.0
# Number of answers whose passages are kept for the panel, some of them after their end.
KEPT = 256


class Stops:
    """
    Lets a button stop an answer that another request streams, and the panel show its passages.
    """

    def __init__(self) -> None:
        self._events: dict[UUID, asyncio.Event] = {}
        self._found: OrderedDict[UUID, tuple[str, list[Shown]]] = OrderedDict()

    def stop(self, conversation: UUID) -> None:
        """Stop the running answer of this conversation, if there is one."""
        if conversation in self._events:
            self._events[conversation].set()

    def stop_all(self) -> None:
        """Stop all running answers, because the server ends."""
        for event in self._events.values():
            event.set()

    def keep(self, conversation: UUID, visitor: str, shown: Sequence[Shown]) -> None:
        """Keep the hits of the visitor's last question in a conversation."""
        self._found[conversation] = (visitor, list(shown))
        self._found.move_to_end(conversation)
        while len(self._found) > KEPT:
            self._found.popitem(last=False)

    def found(self, conversation: UUID, visitor: str) -> list[Shown]:
        """The hits of the visitor's last question in a conversation, if it is theirs."""
        owner, shown = self._found.get(conversation, ("", []))
        return shown if owner == visitor else []

    async def until(
        self, conversation: UUID, events: AsyncIterator[Event]
    ) -> AsyncGenerator[Event | None, None]:
        """
        Pass on events until they end or are stopped. None is yielded for each second without an
        event.
        """
        stop = self._events[conversation] = asyncio.Event()
        stopping = asyncio.ensure_future(stop.wait())
        following: asyncio.Future[Event] | None = None
        try:
            while True:
                following = asyncio.ensure_future(anext(events))
                while not (await _wait(following, stopping)):
                    yield None
                if not following.done():
                    return
                try:
                    yield following.result()
                except StopAsyncIteration:
                    return
        finally:
            stopping.cancel()
            if following is not None and not following.done():
                following.cancel()
                await asyncio.wait({following})
            if self._events.get(conversation) is stop:
                del self._events[conversation]


async def _wait(*futures: asyncio.Future[Any]) -> bool:
    """Whether one of them is done within a tick."""
    done, _ = await asyncio.wait(futures, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
