"""What happens when somebody chooses where to search."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import gradio as gr

from app.access.reader import reader_of
from app.chat.conversations import as_uuid
from app.chat.layout import QUIET, Layout, Updates
from app.chat.picker.choice import read, settle
from app.chat.welcome import empty_chat
from pipelines.store import choices

if TYPE_CHECKING:
    from app.services import Services


class Picking:
    """The handlers of one page's choice of documents."""

    def __init__(self, services: Services, layout: Layout) -> None:
        self._services, self._layout = services, layout

    def connect(self) -> None:
        """Keep what the script writes, and hand the script what the page writes."""
        page = self._layout
        inputs = [page.choice, page.conversation, page.help]
        page.choice.input(self._choose, inputs, [page.chat], **QUIET)
        page.choice.change(None, [page.choice], js="(text) => window.attuneChoice(text)", **QUIET)

    async def _choose(
        self, choice: str | None, conversation: str | None, help: bool, request: gr.Request
    ) -> Updates:
        return await asyncio.to_thread(self._chosen, choice, conversation, help, request)

    def _chosen(
        self, choice: str | None, conversation: str | None, help: bool, request: gr.Request
    ) -> Updates:
        """Keep the choice of a conversation. An empty chat gets questions of what was chosen."""
        reader, mine = reader_of(request), as_uuid(conversation)
        with self._services.pool.connection() as conn:
            settled = settle(conn, reader, read(choice), mine)
            if mine is not None:
                choices.remember(conn, reader.visitor, mine, settled.kept())
            if conversation is not None or help:
                return {self._layout.chat: gr.skip()}
            empty = empty_chat(self._services, conn, request, settled.within(conn))
            return {self._layout.chat: gr.Chatbot(**empty)}
