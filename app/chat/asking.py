"""Asking in the chat: a question, an example, the same question again, and stopping an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import gradio as gr

from app import trail
from app.access.auth import connection_of
from app.access.limits import BUSY, Limits
from app.access.reader import Reader, clear_all, reader_of
from app.chat import storing, turns, waiting
from app.chat.again.earlier import by_answer
from app.chat.conversations import as_uuid
from app.chat.layout import QUIET, Layout, Updates
from app.chat.picker.choice import Wanted, read
from app.chat.rendering import markup
from app.chat.stops import Stops
from app.chat.turns import AnswerProgress
from pipelines.store import chats
from pipelines.store.chats import Message

if TYPE_CHECKING:
    from app.services import Services

# A reader sees no difference below, and each update costs the server as much as several tokens.
SHOWN_EVERY_S = 0.08
# The question box while an answer is on its way.
CAN_STOP = gr.update(submit_btn=False, stop_btn=True)
# Prefix of the id of a conversation whose last answer could not be stored.
NOT_STORED = "not stored: "


class Asking:
    """The handlers of one page that stream answers into its components."""

    def __init__(self, services: Services, stops: Stops, layout: Layout) -> None:
        self._services, self._stops, self._layout = services, stops, layout
        self._limits = Limits(services.pool, services.settings)

    def connect(self) -> Sequence[Any]:
        """
        Connect the question box, the examples, suggested questions and the retry button.

        :returns: The events. After each of them the page must be shown as it is stored.
        """
        page = self._layout
        # `Limits` bounds the simultaneous questions. In Gradio's queue a visitor would see nothing.
        asking = {**QUIET, "concurrency_limit": None}
        # Gradio builds every output again at each step of a stream. So these are few, and the rest
        # of the page follows at the end.
        stream = [page.chat, page.conversation, page.box, page.why]
        where = [page.conversation, page.help, page.choice]
        page.box.stop(self._stop, [page.conversation], None, **QUIET)
        return (
            page.box.submit(self._ask, [page.box, *where], stream, **asking),
            page.suggested.change(self._ask_suggested, [page.suggested, *where], stream, **asking),
            page.chat.example_select(self._ask_example, where, stream, **asking),
            page.chat.retry(
                self._ask_again, [page.messages, page.conversation, page.choice], stream, **asking
            ),
        )

    async def _ask(
        self,
        question: str,
        conversation: str | None,
        help: bool,
        choice: str | None,
        request: gr.Request,
    ) -> AsyncIterator[Updates]:
        if not question.strip():
            yield {self._layout.box: gr.skip()}
            return
        # Cleared only now, because text typed during the answer is the next question.
        yield {self._layout.box: ""}
        wanted = read(choice)
        async for update in self._answer(question, conversation, wanted, request, help=help):
            yield update

    async def _answer(
        self,
        question: str,
        conversation: str | None,
        wanted: Wanted,
        request: gr.Request,
        *,
        again: int | None = None,
        is_changed: bool = False,
        help: bool = False,
        deeper: bool = False,
    ) -> AsyncIterator[Updates]:
        """
        Answer a question if the limits allow it.

        :param again: Id of the message whose question is asked again. It and all later turns are
            set aside. If its answer was looked at deeper, so is the new one.
        :param is_changed: The question takes the place of the last one.
        :param help: A new conversation is about Attune itself.
        :param deeper: Look deeper, even if the question does not ask for it.
        """
        reader, mine = await asyncio.to_thread(reader_of, request), as_uuid(conversation)
        # Gradio answers in a task of its own, which does not know the request.
        asked_by = str(connection_of(request).scope.get(trail.REQUEST_KEY, ""))
        seen = trail.following(request=asked_by, visitor=reader.visitor[: trail.SHOWN_CHARS])
        with seen, self._limits.place() as free:
            refusal = await asyncio.to_thread(self._limits.refusal, reader) if free else BUSY
            if refusal is not None:
                # Nothing is stored. The question is put back in its box, ready to be sent again.
                gr.Info(refusal, title="One moment")
                yield {self._layout.box: question or gr.skip()}
                return
            if again is not None:
                question, deeper = await asyncio.to_thread(self._take_back, reader.visitor, again)
            if is_changed and mine is not None:
                await asyncio.to_thread(self._take_back_last, reader.visitor, mine)
            turn = self._turn(reader, mine, question, wanted, help=help, deeper=deeper)
            async for update in turn:
                yield update

    async def _turn(
        self,
        reader: Reader,
        mine: UUID | None,
        question: str,
        wanted: Wanted,
        *,
        help: bool,
        deeper: bool,
    ) -> AsyncIterator[Updates]:
        before, aside = await asyncio.to_thread(self._messages, reader, mine)
        shown = await asyncio.to_thread(rendered, before, aside)
        chat = [*shown, {"role": "user", "content": markup.question(question)}]
        yield self._begun(chat)
        shown_at, text, thinking = 0.0, "", ""
        steps = turns.ask(
            self._services, self._stops, self._limits, reader, mine, question, wanted,
            help=help, deeper=deeper,
        )  # fmt: skip
        async for step in steps:
            late = time.monotonic() - shown_at > SHOWN_EVERY_S
            # A word among many may wait. The first one, and status messages, may not.
            grows = step.text != text or step.thinking != thinking
            if step.message is None and (late or not grows or not (text or thinking)):
                shown_at, text, thinking = time.monotonic(), step.text, step.thinking
                yield {
                    self._layout.chat: [
                        *chat,
                        _bot(await asyncio.to_thread(waiting.growing, step)),
                    ],
                    self._layout.conversation: str(step.conversation),
                    # What the answer before brings to the page may come late, and take it away.
                    self._layout.box: CAN_STOP,
                }
            elif step.message is not None and step.message.id == storing.UNSAVED:
                yield {
                    self._layout.chat: [*chat, *rendered([step.message])],
                    self._layout.conversation: f"{NOT_STORED}{step.conversation}",
                }

    async def _ask_example(
        self,
        conversation: str | None,
        help: bool,
        choice: str | None,
        event: gr.SelectData,
        request: gr.Request,
    ) -> AsyncIterator[Updates]:
        question, wanted = event.value["text"], read(choice)
        async for update in self._answer(question, conversation, wanted, request, help=help):
            yield update

    async def _ask_suggested(
        self,
        clicked: str,
        conversation: str | None,
        help: bool,
        choice: str | None,
        request: gr.Request,
    ) -> AsyncIterator[Updates]:
        """
        :param clicked: Written by the script: the time, a star if everything is to be searched, an e
            if the last question is changed or a d if it is to be looked at deeper, a D if another
            question is to be looked at deeper, a blank, and the question.
        """
        moment, _, question = clicked.partition(" ")
        wanted = read(choice)
        if moment.endswith("*"):
            wanted = Wanted(llm=wanted.llm)
        is_changed, deeper = moment.endswith(("e", "d")), moment.endswith(("d", "D"))
        if not question.strip():
            yield {self._layout.why: gr.skip()}
            return
        async for update in self._answer(
            question, conversation, wanted, request, is_changed=is_changed, help=help, deeper=deeper
        ):
            yield update

    async def _ask_again(
        self,
        ids: list[int],
        conversation: str | None,
        choice: str | None,
        event: gr.RetryData,
        request: gr.Request,
    ) -> AsyncIterator[Updates]:
        message_id = ids[int(event.index)]
        async for update in self._answer("", conversation, read(choice), request, again=message_id):
            yield update

    def _stop(self, conversation: str | None, request: gr.Request) -> None:
        mine = as_uuid(conversation)
        if mine is not None and self._is_mine(reader_of(request).visitor, mine):
            self._stops.stop(mine)

    def _begun(self, chat: list[Any]) -> Updates:
        first = _bot(waiting.growing(AnswerProgress(UUID(int=0))))
        return {
            self._layout.chat: gr.Chatbot([*chat, first], examples=[]),
            self._layout.box: CAN_STOP,
            self._layout.why: gr.Row(visible="hidden"),
        }

    def _messages(
        self, reader: Reader, conversation: UUID | None
    ) -> tuple[list[Message], list[Message]]:
        """The turns of a conversation, and those whose place others have taken."""
        if conversation is None:
            return [], []
        with self._services.pool.connection() as conn:
            found = [
                chats.messages(conn, reader.visitor, conversation, aside=aside)
                for aside in (False, True)
            ]
        return clear_all(reader, found[0]), clear_all(reader, found[1])

    def _is_mine(self, visitor: str, conversation: UUID) -> bool:
        with self._services.pool.connection() as conn:
            return chats.get(conn, visitor, conversation) is not None

    def _take_back(self, visitor: str, message_id: int) -> tuple[str, bool]:
        """
        Set a question and all later turns aside.

        :returns: Its text to be asked again, and whether its answer was looked at deeper.
        """
        with self._services.pool.connection() as conn:
            message = chats.message(conn, visitor, message_id)
            deeper = chats.was_deeper(conn, visitor, message_id)
            chats.set_aside(conn, visitor, message_id)
        return message.text if message else "", deeper

    def _take_back_last(self, visitor: str, conversation: UUID) -> None:
        """Set the last question and its answer aside, because the question was changed."""
        with self._services.pool.connection() as conn:
            messages = chats.messages(conn, visitor, conversation)
            questions = [message.id for message in messages if message.role == "user"]
            if questions:
                chats.set_aside(conn, visitor, questions[-1])


def rendered(
    messages: list[Message], aside: Sequence[Message] = (), *, deeper: bool = False
) -> list[dict[str, str]]:
    """
    Stored messages as the chat shows them.

    :param aside: Those whose place others have taken.
    :param deeper: Whether the last answer can be looked at deeper.
    """
    earlier = by_answer(messages, aside)
    last = messages[-1].id if messages and deeper else None
    return [
        {
            "role": message.role,
            "content": _content(message, earlier.get(message.id, ()), deeper=message.id == last),
        }
        for message in messages
    ]


def _content(message: Message, earlier: Sequence[Message], *, deeper: bool) -> str:
    if message.kind is None:
        return markup.question(message.text)
    answer = markup.answer(message, deeper=deeper)
    return "\n\n".join(filter(None, [answer, markup.earlier(earlier)]))


def _bot(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}
