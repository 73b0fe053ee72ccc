"""The chat page: conversations at the left, the chat, and the passages of an answer at the right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import gradio as gr

from app import login
from app.auth import access_of, person_of
from app.chat import look, markup, turns
from app.chat.passages import Passages
from app.chat.turns import Progress, Stops
from app.limits import BUSY, Limits
from app.reader import Reader, clear_all, reader_of
from pipelines.examples import suggest
from pipelines.store import chats, chunks
from pipelines.store.chats import Message

if TYPE_CHECKING:
    from app.wiring import Services

STYLE = Path(__file__).with_name("style.css")
WELCOME = (
    "### Ask your documents\n"
    "Every answer cites the passages it comes from: open a number to check it."
)
NOTHING_YET = (
    "### There are no documents yet\nTake some in with `attune ingest PATH`, then ask about them."
)
# A reader sees no difference below, and each showing costs the server as much as several tokens.
SHOWN_EVERY_S = 0.08
# What the page itself calls is not offered as an API, and no block grows a spinner for a short look.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
Updates = dict[Any, Any]


def build(services: Services, stops: Stops) -> gr.Blocks:
    """The page's blocks, with their events."""
    look.share_schema()
    with gr.Blocks(
        title="Attune", fill_height=True, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as blocks:
        page = _ChatPage(services, stops)
        blocks.load(page.load, None, page.view, **QUIET)
        blocks.load(page.load_account, None, page.account, **QUIET)
        blocks.load(None, js="() => window.attuneLoaded()")
    return blocks


class _ChatPage:
    """Components and handlers of one page; state of visitors is in Gradio's session and the database."""

    def __init__(self, services: Services, stops: Stops) -> None:
        self._services = services
        self._stops = stops
        self._limits = Limits(services.pool, services.settings)
        self.conversation = gr.State(None)
        self.messages = gr.State([])  # ids of the chat's messages, in order
        self.titled = gr.State(None)  # conversation whose title stands in its box
        self.voted = gr.State(None)  # message and verdict that a reason belongs to
        self.deleted = gr.State(None)  # conversation that "undo" brings back
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        with gr.Sidebar(width=280, elem_id="conversations", label="Conversations"):
            gr.Markdown("## Attune", elem_id="brand")
            self.new = gr.Button("New chat", variant="primary", elem_id="new-chat")
            self.list = gr.Radio([], label="Conversations", elem_id="conversation-list")
            self.undo = gr.Button("Undo delete", size="sm", visible=False, elem_id="undo-delete")
            # "hidden" is in the page from the start: what is mounted when it first shows is given
            # its value once more a frame later, over what somebody has typed by then.
            with gr.Column(visible="hidden", elem_id="conversation-tools") as self.tools:
                self.title = gr.Textbox(
                    label="Title",
                    show_label=False,
                    placeholder="Title",
                    max_lines=1,
                    max_length=200,
                    elem_id="conversation-title",
                )
                with gr.Row():
                    self.rename = gr.Button("Rename", size="sm", min_width=0)
                    self.delete = gr.Button("Delete", size="sm", min_width=0, variant="stop")
                with gr.Row():
                    self.markdown = gr.Button("Save as text", size="sm", min_width=0)
                    self.json = gr.Button("Save as JSON", size="sm", min_width=0)
            self.account = gr.HTML(elem_id="account")
        self.chat = gr.Chatbot(
            show_label=False,
            elem_id="chat",
            height="100%",
            scale=1,
            layout="bubble",
            buttons=["copy"],
            sanitize_html=True,
            allow_tags=False,
            latex_delimiters=[],
            placeholder=WELCOME,
            feedback_options=("Like", "Dislike"),
            group_consecutive_messages=False,
        )
        with gr.Row(visible="hidden", elem_id="why") as self.why:
            self.reason = gr.Textbox(
                label="Reason",
                show_label=False,
                container=False,
                placeholder="What was good or wrong about it? (optional)",
                scale=4,
                max_lines=1,
                max_length=1000,
                elem_id="reason",
            )
            self.send_reason = gr.Button("Send", scale=0, min_width=80, elem_id="send-reason")
        self.box = gr.Textbox(
            label="Question",
            show_label=False,
            placeholder="Ask about your documents",
            lines=1,
            max_lines=8,
            max_length=4000,
            submit_btn=True,
            autofocus=True,
            elem_id="question",
            html_attributes=gr.InputHTMLAttributes(enterkeyhint="send"),
        )
        self.passages = Passages(self._services, QUIET)

    def _connect(self) -> None:
        # In the order in which the page takes them up: who sees the chat sees its title.
        self.view = view = [
            self.conversation, self.messages, self.titled, self.title, self.markdown, self.json,
            self.tools, self.list, self.undo, self.why, self.passages.panel, self.box, self.chat,
        ]  # fmt: skip
        # One answer at a time and page.
        common = QUIET
        # How many are answered at once is for `Limits` to say: who waits in Gradio's queue sees nothing.
        asking = {**common, "concurrency_limit": None}
        # At every step of a stream Gradio builds each output anew, told of or not; so these are
        # few, and the rest of the page follows at the end.
        stream = [self.chat, self.conversation, self.box, self.why]
        for asked in (
            self.box.submit(self._ask, [self.box, self.conversation], stream, **asking),
            self.chat.example_select(self._ask_example, [self.conversation], stream, **asking),
            self.chat.retry(self._ask_again, [self.messages, self.conversation], stream, **asking),
        ):
            asked.then(self._show, [self.conversation, self.titled], view, **common)
        self.box.stop(self._stop, [self.conversation], None, **common)
        self.chat.like(self._vote, [self.messages], [self.reason, self.voted, self.why], **common)
        gr.on(
            [self.reason.submit, self.send_reason.click],
            self._give_reason, [self.reason, self.voted], [self.why], **common,
        )  # fmt: skip
        self.list.input(self._open, [self.list], view, **common)
        self.list.change(None, [self.list], js="(id) => window.attuneOpened(id)", **common)
        self.new.click(self._open_new, None, view, **common)
        gr.on(
            [self.rename.click, self.title.submit],
            self._rename, [self.conversation, self.title], [self.list], **common,
        )  # fmt: skip
        self.delete.click(self._delete, [self.conversation], [*view, self.deleted], **common)
        self.undo.click(self._undo, [self.deleted], view, **common)

    async def load(self, request: gr.Request) -> Updates:
        """The page as a visitor first sees it; the address may name a conversation of theirs."""
        conversation = _uuid(request.query_params.get("chat"))
        return await asyncio.to_thread(lambda: self._view(reader_of(request), conversation))

    def load_account(self, request: gr.Request) -> str:
        """Who is signed in, and the way to the admin pages."""
        return login.links(access_of(request), person_of(request))

    async def _ask(
        self, question: str, conversation: str | None, request: gr.Request
    ) -> AsyncIterator[Updates]:
        if not question.strip():
            yield {self.box: gr.skip()}
            return
        # Only now: what is typed while the answer comes is the next question.
        yield {self.box: ""}
        async for update in self._answer(question, conversation, request):
            yield update

    async def _answer(
        self,
        question: str,
        conversation: str | None,
        request: gr.Request,
        *,
        again: int | None = None,
    ) -> AsyncIterator[Updates]:
        """`again`: the message whose question is asked anew, in place of all that followed it."""
        reader, mine = await asyncio.to_thread(reader_of, request), _uuid(conversation)
        with self._limits.place() as free:
            refusal = await asyncio.to_thread(self._limits.refusal, reader) if free else BUSY
            if refusal is not None:
                # Nothing is stored; the question stands in its box, ready to be sent again.
                gr.Info(refusal, title="One moment")
                yield {self.box: question or gr.skip()}
                return
            if again is not None:
                question = await asyncio.to_thread(self._take_back, reader.visitor, again)
            async for update in self._turn(reader, mine, question):
                yield update

    async def _turn(
        self, reader: Reader, mine: UUID | None, question: str
    ) -> AsyncIterator[Updates]:
        before = await asyncio.to_thread(self._messages, reader, mine)
        chat = [*_rendered(before), {"role": "user", "content": markup.safe(question)}]
        yield self._begun(chat)
        shown_at, said = 0.0, False
        steps = turns.ask(self._services, self._stops, self._limits, reader, mine, question)
        async for step in steps:
            late = time.monotonic() - shown_at > SHOWN_EVERY_S
            if step.message is None and (late or bool(step.text) > said):
                shown_at, said = time.monotonic(), bool(step.text)
                yield {
                    self.chat: [*chat, _growing(step)],
                    self.conversation: str(step.conversation),
                }

    async def _show(
        self, conversation: str | None, titled: str | None, request: gr.Request
    ) -> Updates:
        """The page as it is stored; a title that somebody may be typing anew stays."""
        view = await asyncio.to_thread(lambda: self._view(reader_of(request), _uuid(conversation)))
        return view | ({self.title: gr.skip()} if conversation and conversation == titled else {})

    async def _ask_example(
        self, conversation: str | None, event: gr.SelectData, request: gr.Request
    ) -> AsyncIterator[Updates]:
        async for update in self._answer(event.value["text"], conversation, request):
            yield update

    async def _ask_again(
        self, ids: list[int], conversation: str | None, event: gr.RetryData, request: gr.Request
    ) -> AsyncIterator[Updates]:
        message_id = ids[int(event.index)]
        async for update in self._answer("", conversation, request, again=message_id):
            yield update

    def _stop(self, conversation: str | None, request: gr.Request) -> None:
        mine = _uuid(conversation)
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
        return "", [message_id, chosen], gr.Row(visible=_shown_if(chosen is not None))

    def _give_reason(self, reason: str, voted: list[Any], request: gr.Request) -> Any:
        (message_id, verdict), visitor = voted, reader_of(request).visitor
        with self._services.pool.connection() as conn:
            chats.vote(conn, visitor, message_id, verdict, reason.strip()[:1000])
        gr.Info("Thank you, noted.", duration=3)
        return gr.Row(visible="hidden")

    def _open(self, conversation: str | None, request: gr.Request) -> Updates:
        return self._view(reader_of(request), _uuid(conversation))

    def _open_new(self, request: gr.Request) -> Updates:
        return self._view(reader_of(request), None)

    def _rename(self, conversation: str | None, title: str, request: gr.Request) -> Any:
        mine, visitor = _uuid(conversation), reader_of(request).visitor
        if mine is not None and title.strip():
            with self._services.pool.connection() as conn:
                chats.rename(conn, visitor, mine, title.strip()[:200])
        return self._list(visitor, mine)

    def _delete(self, conversation: str | None, request: gr.Request) -> Updates:
        mine, reader = _uuid(conversation), reader_of(request)
        if mine is not None:
            with self._services.pool.connection() as conn:
                chats.set_deleted(conn, reader.visitor, mine, deleted=True)
        view = self._view(reader, None)
        return {**view, self.undo: gr.Button(visible=mine is not None), self.deleted: conversation}

    def _undo(self, deleted: str | None, request: gr.Request) -> Updates:
        mine, reader = _uuid(deleted), reader_of(request)
        if mine is not None:
            with self._services.pool.connection() as conn:
                chats.set_deleted(conn, reader.visitor, mine, deleted=False)
        return self._view(reader, mine)

    def _view(self, reader: Reader, conversation: UUID | None) -> Updates:
        """The whole page for a conversation as stored; None, or not the visitor's: a new one."""
        visitor = reader.visitor
        with self._services.pool.connection() as conn:
            known = chats.get(conn, visitor, conversation) if conversation else None
            messages = chats.messages(conn, visitor, known.id) if known else []
            headings = [] if known else chunks.sample_headings(conn, closed=reader.closed)
        messages, questions = clear_all(reader, messages), suggest(headings)
        link = f"/conversations/{known.id}" if known else ""
        return {
            self.chat: gr.Chatbot(
                _rendered(messages),
                feedback_value=[_VOTES.get(m.verdict or "") for m in messages if m.kind],
                examples=[{"text": question} for question in questions],
                placeholder=WELCOME if known or questions else NOTHING_YET,
            ),
            self.box: gr.Textbox(submit_btn=True, stop_btn=False),
            self.list: self._list(visitor, known.id if known else None),
            self.conversation: str(known.id) if known else None,
            self.messages: [m.id for m in messages],
            self.tools: gr.Column(visible=_shown_if(known is not None)),
            self.titled: str(known.id) if known else None,
            self.title: known.title if known else "",
            self.markdown: gr.Button(link=f"{link}.md"),
            self.json: gr.Button(link=f"{link}.json"),
            self.why: gr.Row(visible="hidden"),
            self.undo: gr.Button(visible=False),
            self.passages.panel: gr.skip() if known else gr.Sidebar(open=False),
        }

    def _begun(self, chat: list[Any]) -> Updates:
        growing = {"role": "assistant", "content": "*Searching…*"}
        return {
            self.chat: gr.Chatbot([*chat, growing], examples=[]),
            self.box: gr.Textbox(submit_btn=False, stop_btn=True),
            self.why: gr.Row(visible="hidden"),
        }

    def _list(self, visitor: str, chosen: UUID | None) -> Any:
        with self._services.pool.connection() as conn:
            mine = chats.list_mine(conn, visitor)
        choices = [(conversation.title, str(conversation.id)) for conversation in mine]
        return gr.Radio(choices=choices, value=str(chosen) if chosen else None, visible=bool(mine))

    def _messages(self, reader: Reader, conversation: UUID | None) -> list[Message]:
        if conversation is None:
            return []
        with self._services.pool.connection() as conn:
            return clear_all(reader, chats.messages(conn, reader.visitor, conversation))

    def _is_mine(self, visitor: str, conversation: UUID) -> bool:
        with self._services.pool.connection() as conn:
            return chats.get(conn, visitor, conversation) is not None

    def _take_back(self, visitor: str, message_id: int) -> str:
        """Remove a question and what followed it; its text, to be asked anew."""
        with self._services.pool.connection() as conn:
            message = chats.message(conn, visitor, message_id)
            chats.drop_from(conn, visitor, message_id)
        return message.text if message else ""


_VOTES = {"like": "Like", "dislike": "Dislike"}


def _rendered(messages: list[Message]) -> list[dict[str, str]]:
    return [
        {
            "role": message.role,
            "content": markup.safe(message.text)
            if message.kind is None
            else markup.answer(message),
        }
        for message in messages
    ]


def _growing(step: Progress) -> dict[str, str]:
    text = markup.safe(step.text) if step.text else f"*{step.stage}…*"
    return {"role": "assistant", "content": text}


def _shown_if(wanted: bool) -> bool | str:
    """Gradio's word for shown, or for hidden yet in the page."""
    return True if wanted else "hidden"


def _uuid(text: str | None) -> UUID | None:
    """The id that a client sent; None for anything that is no id."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
