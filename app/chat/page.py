"""The chat page: conversations at the left, the chat, and the passages of an answer at the right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import gradio as gr

from app import look
from app.access import login
from app.access.adders import Adder, adder_of
from app.access.auth import access_of, person_of
from app.access.limits import BUSY, Limits
from app.access.reader import Reader, clear_all, reader_of
from app.chat import markup, turns, waiting
from app.chat.conversations import as_uuid
from app.chat.layout import NOT_YOURS, QUIET, Layout, Updates, shown_if
from app.chat.stops import Stops
from app.chat.turns import Progress
from app.chat.welcome import welcome
from pipelines.answering.examples import starters
from pipelines.store import chats
from pipelines.store.chats import Message
from pipelines.store.db import Connection

if TYPE_CHECKING:
    from app.services import Services

# A reader sees no difference below, and each showing costs the server as much as several tokens.
SHOWN_EVERY_S = 0.08
# Before the id of a conversation whose last answer could not be stored.
NOT_STORED = "not stored: "


def build(services: Services, stops: Stops) -> gr.Blocks:
    """The page's blocks, with their events."""
    look.share_schema()
    with gr.Blocks(
        title="Attune", fill_height=True, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as blocks:
        page = _ChatPage(services, stops)
        blocks.load(page.load, None, page.view, **QUIET)
        blocks.load(page.load_account, None, page.sidebar.account, **QUIET)
        blocks.load(None, js="() => { window.attuneLoaded(); window.attuneFiles(); }")
    return blocks


class _ChatPage(Layout):
    """The handlers of one page; state of visitors is in Gradio's session and the database."""

    def __init__(self, services: Services, stops: Stops) -> None:
        super().__init__(services, stops)
        self._services = services
        self._stops = stops
        self._limits = Limits(services.pool, services.settings)
        self._connect()

    def _connect(self) -> None:
        side = self.sidebar
        # In the order in which the page takes them up: who sees the chat sees its title.
        self.view = [
            self.conversation, self.messages, side.titled, side.title, side.markdown, side.json,
            side.tools, side.list, side.undo, self.why, self.passages.panel, self.box, self.help,
            self.chat, self.notice,
        ]  # fmt: skip
        self._connect_asking()
        self.box.stop(self._stop, [self.conversation], None, **QUIET)
        self.files_ready.click(
            self._show_new_files, [self.conversation, self.help], [self.chat], **QUIET
        )
        self.to_end.click(None, js="() => window.attuneToEnd()")
        self.chat.like(self._vote, [self.messages], [self.reason, self.voted, self.why], **QUIET)
        gr.on(
            [self.reason.submit, self.send_reason.click],
            self._give_reason, [self.reason, self.voted], [self.why], **QUIET,
        )  # fmt: skip
        self._connect_sidebar()

    def _connect_asking(self) -> None:
        # How many are answered at once is for `Limits` to say: who waits in Gradio's queue sees nothing.
        asking = {**QUIET, "concurrency_limit": None}
        # At every step of a stream Gradio builds each output again, told of or not; so these are
        # few, and the rest of the page follows at the end.
        stream = [self.chat, self.conversation, self.box, self.why]
        where = [self.conversation, self.help]
        for asked in (
            self.box.submit(self._ask, [self.box, *where], stream, **asking),
            self.chat.example_select(self._ask_example, where, stream, **asking),
            self.chat.retry(self._ask_again, [self.messages, self.conversation], stream, **asking),
        ):
            asked.then(self._show, [self.conversation, self.sidebar.titled], self.view, **QUIET)

    def _connect_sidebar(self) -> None:
        side, view = self.sidebar, self.view
        side.list.input(self._open, [side.list], view, **QUIET)
        side.list.change(None, [side.list], js="(id) => window.attuneOpened(id)", **QUIET)
        side.new.click(self._open_new, None, view, **QUIET)
        gr.on(
            [side.rename.click, side.title.submit],
            side.rename_open, [self.conversation, side.title], [side.list], **QUIET,
        )  # fmt: skip
        side.delete.click(self._delete, [self.conversation], [*view, side.deleted], **QUIET)
        side.undo.click(self._undo, [side.deleted], view, **QUIET)

    async def load(self, request: gr.Request) -> Updates:
        """The page as a visitor first sees it; the address may name a conversation of theirs."""
        wanted = request.query_params.get("chat")
        help = "help" in request.query_params
        view = await asyncio.to_thread(self._view, request, as_uuid(wanted), help=help)
        return view | self._notice(bool(wanted) and view[self.conversation] is None)

    def load_account(self, request: gr.Request) -> str:
        """Who is signed in, and the way to the admin pages."""
        return login.links(access_of(request), person_of(request))

    async def _ask(
        self, question: str, conversation: str | None, help: bool, request: gr.Request
    ) -> AsyncIterator[Updates]:
        if not question.strip():
            yield {self.box: gr.skip()}
            return
        # Only now: what is typed while the answer comes is the next question.
        yield {self.box: ""}
        async for update in self._answer(question, conversation, request, help=help):
            yield update

    async def _answer(
        self,
        question: str,
        conversation: str | None,
        request: gr.Request,
        *,
        again: int | None = None,
        help: bool = False,
    ) -> AsyncIterator[Updates]:
        """
        :param again: The message whose question is asked again, in place of all that followed it.
        :param help: A new conversation is about Attune itself.
        """
        reader, mine = await asyncio.to_thread(reader_of, request), as_uuid(conversation)
        with self._limits.place() as free:
            refusal = await asyncio.to_thread(self._limits.refusal, reader) if free else BUSY
            if refusal is not None:
                # Nothing is stored; the question stands in its box, ready to be sent again.
                gr.Info(refusal, title="One moment")
                yield {self.box: question or gr.skip()}
                return
            if again is not None:
                question = await asyncio.to_thread(self._take_back, reader.visitor, again)
            async for update in self._turn(reader, mine, question, help=help):
                yield update

    async def _turn(
        self, reader: Reader, mine: UUID | None, question: str, *, help: bool
    ) -> AsyncIterator[Updates]:
        before = await asyncio.to_thread(self._messages, reader, mine)
        rendered = await asyncio.to_thread(_rendered, before)
        chat = [*rendered, {"role": "user", "content": markup.question(question)}]
        yield self._begun(chat)
        shown_at, text = 0.0, ""
        steps = turns.ask(
            self._services, self._stops, self._limits, reader, mine, question, help=help
        )
        async for step in steps:
            late = time.monotonic() - shown_at > SHOWN_EVERY_S
            # A word among many may wait; the first one, and what is told instead of words, may not.
            if step.message is None and (late or not text or step.text == text):
                shown_at, text = time.monotonic(), step.text
                yield {
                    self.chat: [*chat, _bot(await asyncio.to_thread(waiting.growing, step))],
                    self.conversation: str(step.conversation),
                }
            elif step.message is not None and step.message.id == turns.UNSAVED:
                yield {
                    self.chat: [*chat, *_rendered([step.message])],
                    self.conversation: f"{NOT_STORED}{step.conversation}",
                }

    async def _show(
        self, conversation: str | None, titled: str | None, request: gr.Request
    ) -> Updates:
        """The page as it is stored; a title that somebody may be typing anew stays."""
        if conversation and conversation.startswith(NOT_STORED):  # what is shown is all there is
            kept = conversation.removeprefix(NOT_STORED)
            return {self.box: gr.Textbox(submit_btn=True, stop_btn=False), self.conversation: kept}
        view = await asyncio.to_thread(self._view, request, as_uuid(conversation))
        return view | (
            {self.sidebar.title: gr.skip()} if conversation and conversation == titled else {}
        )

    async def _ask_example(
        self, conversation: str | None, help: bool, event: gr.SelectData, request: gr.Request
    ) -> AsyncIterator[Updates]:
        question = event.value["text"]
        async for update in self._answer(question, conversation, request, help=help):
            yield update

    async def _ask_again(
        self, ids: list[int], conversation: str | None, event: gr.RetryData, request: gr.Request
    ) -> AsyncIterator[Updates]:
        message_id = ids[int(event.index)]
        async for update in self._answer("", conversation, request, again=message_id):
            yield update

    def _stop(self, conversation: str | None, request: gr.Request) -> None:
        mine = as_uuid(conversation)
        if mine is not None and self._is_mine(reader_of(request).visitor, mine):
            self._stops.stop(mine)

    def _vote(self, ids: list[int], event: gr.LikeData, request: gr.Request) -> tuple[Any, ...]:
        message_id = ids[int(event.index)]
        verdict = {"Like": "like", "Dislike": "dislike", True: "like", False: "dislike"}
        chosen, visitor = verdict.get(event.liked), reader_of(request).visitor
        with self._services.pool.connection() as conn:
            if chosen is None:
                chats.unvote(conn, visitor, message_id)
            else:
                chats.vote(conn, visitor, message_id, chosen)  # type: ignore[arg-type]
        return "", [message_id, chosen], gr.Row(visible=shown_if(chosen is not None))

    def _give_reason(self, reason: str, voted: list[Any], request: gr.Request) -> Any:
        (message_id, verdict), visitor = voted, reader_of(request).visitor
        with self._services.pool.connection() as conn:
            chats.vote(conn, visitor, message_id, verdict, reason.strip()[:1000])
        gr.Info("Thank you, noted.", duration=3)
        return gr.Row(visible="hidden")

    def _open(self, conversation: str | None, request: gr.Request) -> Updates:
        view = self._view(request, as_uuid(conversation))
        return view | self._notice(view[self.conversation] is None)

    def _notice(self, is_missing: bool) -> Updates:
        """Say why an empty chat is there instead of the conversation that was asked for."""
        return {self.notice: gr.HTML(f"<p role='status'>{NOT_YOURS}</p>", visible=is_missing)}

    def _open_new(self, request: gr.Request) -> Updates:
        return self._view(request, None)

    def _delete(self, conversation: str | None, request: gr.Request) -> Updates:
        mine = as_uuid(conversation)
        if mine is not None:
            self.sidebar.set_deleted(reader_of(request).visitor, mine, deleted=True)
        view, side = self._view(request, None), self.sidebar
        return {**view, side.undo: gr.Button(visible=mine is not None), side.deleted: conversation}

    def _undo(self, deleted: str | None, request: gr.Request) -> Updates:
        mine = as_uuid(deleted)
        if mine is not None:
            self.sidebar.set_deleted(reader_of(request).visitor, mine, deleted=False)
        return self._view(request, mine)

    def _show_new_files(self, conversation: str | None, help: bool, request: gr.Request) -> Updates:
        """What an empty chat says once files have come in, or gone."""
        if conversation is not None:
            return {self.chat: gr.skip()}
        with self._services.pool.connection() as conn:
            return {self.chat: gr.Chatbot(**_empty(conn, adder_of(request), help))}

    def _view(
        self, request: gr.Request, conversation: UUID | None, *, help: bool = False
    ) -> Updates:
        """
        The whole page for a conversation as stored; None, or not the visitor's: a new one.

        :param help: The new one is about Attune itself.
        """
        adder = adder_of(request)
        reader, visitor = adder.reader, adder.reader.visitor
        with self._services.pool.connection() as conn:
            known = chats.get(conn, visitor, conversation) if conversation else None
            messages = chats.messages(conn, visitor, known.id) if known else []
            help = known.help if known else help
            empty = {"examples": []} if known else _empty(conn, adder, help)
        messages = clear_all(reader, messages)
        return {
            **self.sidebar.view(visitor, known),
            self.chat: gr.Chatbot(
                _rendered(messages),
                feedback_value=[_VOTES.get(m.verdict or "") for m in messages if m.kind],
                **empty,
            ),
            self.help: help,
            self.box: gr.Textbox(submit_btn=True, stop_btn=False),
            self.conversation: str(known.id) if known else None,
            self.messages: [m.id for m in messages],
            self.why: gr.Row(visible="hidden"),
            self.passages.panel: gr.skip() if known else gr.Sidebar(open=False),
            self.notice: gr.HTML(visible=False),
        }

    def _begun(self, chat: list[Any]) -> Updates:
        first = _bot(waiting.growing(Progress(UUID(int=0))))
        return {
            self.chat: gr.Chatbot([*chat, first], examples=[]),
            self.box: gr.Textbox(submit_btn=False, stop_btn=True),
            self.why: gr.Row(visible="hidden"),
        }

    def _messages(self, reader: Reader, conversation: UUID | None) -> list[Message]:
        if conversation is None:
            return []
        with self._services.pool.connection() as conn:
            return clear_all(reader, chats.messages(conn, reader.visitor, conversation))

    def _is_mine(self, visitor: str, conversation: UUID) -> bool:
        with self._services.pool.connection() as conn:
            return chats.get(conn, visitor, conversation) is not None

    def _take_back(self, visitor: str, message_id: int) -> str:
        """Remove a question and what followed it; returns its text, to be asked again."""
        with self._services.pool.connection() as conn:
            message = chats.message(conn, visitor, message_id)
            chats.drop_from(conn, visitor, message_id)
        return message.text if message else ""


_VOTES = {"like": "Like", "dislike": "Dislike"}


def _empty(conn: Connection, adder: Adder, help: bool) -> dict[str, Any]:
    """What a chat without a conversation shows: a welcome, and questions to start with."""
    questions = starters(conn, adder.reader.readable(conn, help=help))
    return {
        "placeholder": welcome(conn, adder, help=help),
        "examples": [{"text": question} for question in questions],
    }


def _rendered(messages: list[Message]) -> list[dict[str, str]]:
    return [
        {
            "role": message.role,
            "content": markup.question(message.text)
            if message.kind is None
            else markup.answer(message),
        }
        for message in messages
    ]


def _bot(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}
