"""The chat page: conversations on the left, the chat, and an answer's passages on the right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import gradio as gr

from app import look
from app.access import login
from app.access.auth import access_of, person_of
from app.access.reader import clear_all, reader_of
from app.chat.asking import NOT_STORED, Asking, rendered
from app.chat.conversations import as_uuid, site_of
from app.chat.layout import DEGRADED, NOT_YOURS, QUIET, Layout, Updates
from app.chat.picker.choice import settle
from app.chat.picker.picking import Picking
from app.chat.stops import Stops
from app.chat.votes import Votes
from app.chat.welcome import empty_chat
from app.live.llms import NO_MODEL
from pipelines.store import chats, shares

if TYPE_CHECKING:
    from app.services import Services


def build(services: Services, stops: Stops) -> gr.Blocks:
    """Build the page's blocks with their events."""
    look.share_schema()
    with gr.Blocks(
        title="Attune", fill_height=True, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as blocks:
        page = _ChatPage(services, stops)
        shown = blocks.load(page.load, None, page.view, **QUIET)
        shown.then(None, js="() => window.attuneShown()")
        blocks.load(page.load_account, None, page.sidebar.account, **QUIET)
        blocks.load(
            None, js="() => { window.attuneLoaded(); window.attuneFiles(); window.attunePicker(); }"
        )
    return blocks


class _ChatPage(Layout):
    """The handlers of one page. Visitors' state is in Gradio's session and in the database."""

    def __init__(self, services: Services, stops: Stops) -> None:
        super().__init__(services, stops)
        self._services = services
        self._stops = stops
        self._connect()

    def _connect(self) -> None:
        side = self.sidebar
        # In the order in which the page updates them, so that the title is there before the chat.
        self.view = [
            self.conversation, self.messages, side.titled, side.title, side.markdown, side.json,
            side.tools, side.share, side.shared, side.link, side.list, side.undo, self.why, self.passages.panel, self.box, self.help,
            self.chat, self.notice, self.choice,
        ]  # fmt: skip
        for asked in Asking(self._services, self._stops, self).connect():
            shown = asked.then(self._show, [self.conversation, side.titled], self.view, **QUIET)
            self.passages.settle_after(shown)
        self.files_ready.click(
            self._show_new_files, [self.conversation, self.help], [self.chat], **QUIET
        )
        Picking(self._services, self).connect()
        self.to_end.click(None, js="() => window.attuneToEnd()")
        Votes(self._services, self).connect()
        self._connect_sidebar()

    def _connect_sidebar(self) -> None:
        side, view = self.sidebar, self.view
        side.list.input(self._open, [side.list], view, **QUIET)
        side.list.change(None, [side.list], js="(id) => window.attuneOpened(id)", **QUIET)
        side.new.click(self._open_new, None, view, **QUIET)
        gr.on(
            [side.rename.click, side.title.submit],
            side.rename_open, [self.conversation, side.title], [side.list], **QUIET,
        )  # fmt: skip
        link = [side.share, side.shared, side.link]
        side.share.click(side.share_open, [self.conversation], link, **QUIET)
        side.copy.click(None, [side.link], js=COPY)
        side.unshare.click(side.unshare_open, [self.conversation], link, **QUIET)
        side.delete.click(self._delete, [self.conversation], [*view, side.deleted], **QUIET)
        side.undo.click(self._undo, [side.deleted], view, **QUIET)

    async def load(self, request: gr.Request) -> Updates:
        """The page as a visitor first sees it. The address may name one of their conversations."""
        wanted = request.query_params.get("chat")
        help = "help" in request.query_params
        view = await asyncio.to_thread(self._view, request, as_uuid(wanted), help=help)
        return view | self._notice(bool(wanted) and view[self.conversation] is None)

    def load_account(self, request: gr.Request) -> str:
        """The account's name, and links to sign in or out and to the admin pages."""
        return login.links(access_of(request), person_of(request))

    async def _show(
        self, conversation: str | None, titled: str | None, request: gr.Request
    ) -> Updates:
        """The page as it is stored. A title that may be being edited stays."""
        if conversation and conversation.startswith(NOT_STORED):  # what is shown is all there is
            kept = conversation.removeprefix(NOT_STORED)
            return {self.box: gr.Textbox(submit_btn=True, stop_btn=False), self.conversation: kept}
        view = await asyncio.to_thread(self._view, request, as_uuid(conversation))
        return view | (
            {self.sidebar.title: gr.skip()} if conversation and conversation == titled else {}
        )

    def _open(self, conversation: str | None, request: gr.Request) -> Updates:
        view = self._view(request, as_uuid(conversation))
        return view | self._notice(view[self.conversation] is None)

    def _notice(self, is_missing: bool) -> Updates:
        """
        Explain why the chat is empty although a conversation was requested, or why answers are not
        as good as usual.
        """
        is_degraded = self._services.replica.degraded is not None
        text = NOT_YOURS if is_missing else DEGRADED
        shown = gr.HTML(f"<p role='status'>{text}</p>", visible=is_missing or is_degraded)
        return {self.notice: shown}

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
        """Update the text of an empty chat after files were added or deleted."""
        if conversation is not None:
            return {self.chat: gr.skip()}
        with self._services.pool.connection() as conn:
            return {self.chat: gr.Chatbot(**empty_chat(self._services, conn, request, help=help))}

    def _view(
        self, request: gr.Request, conversation: UUID | None, *, help: bool = False
    ) -> Updates:
        """
        The whole page for a stored conversation, or for a new one.

        :param conversation: If it is None or not the visitor's, the page is for a new conversation.
        :param help: The new one is about Attune itself.
        """
        reader = reader_of(request)
        visitor = reader.visitor
        with self._services.pool.connection() as conn:
            known = chats.get(conn, visitor, conversation) if conversation else None
            messages = chats.messages(conn, visitor, known.id) if known else []
            aside = chats.messages(conn, visitor, known.id, aside=True) if known else []
            help = known.help if known else help
            empty = {} if known else empty_chat(self._services, conn, request, help=help)
            choice = settle(conn, reader, None, known.id if known else None)
            models = self._services.llms.offered(conn)
            token = shares.token(conn, visitor, known.id) if known else None
        has_llm = bool(models or self._services.llms.fixed) and choice.llm != NO_MODEL
        messages = clear_all(reader, messages)
        return {
            **self.sidebar.view(visitor, known, site_of(request), token),
            self.chat: gr.Chatbot(
                rendered(messages, clear_all(reader, aside), deeper=has_llm),
                feedback_value=[_VOTES.get(m.verdict or "") for m in messages if m.kind],
                **({"examples": []} | empty),
            ),
            self.help: help,
            self.choice: choice.shown(models, help=help),
            self.box: gr.Textbox(submit_btn=True, stop_btn=False),
            self.conversation: str(known.id) if known else None,
            self.messages: [m.id for m in messages],
            self.why: gr.Row(visible="hidden"),
            self.passages.panel: gr.skip() if known else gr.Sidebar(open=False),
            **self._notice(False),
        }


# Without HTTPS a browser has no clipboard but the old one.
COPY = """(link) => {
  document.querySelector('#share-link textarea, #share-link input').select();
  navigator.clipboard ? navigator.clipboard.writeText(link) : document.execCommand('copy');
}"""
_VOTES = {"like": "Like", "dislike": "Dislike"}
