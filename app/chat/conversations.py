"""The sidebar: a visitor's conversations, and the actions on the open one."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

import gradio as gr

from app.access.adders import adder_of
from app.access.auth import connection_of
from app.access.reader import reader_of
from app.chat.sharing.routes import SHARED
from pipelines.store import chats, shares
from pipelines.store.chats import Conversation

if TYPE_CHECKING:
    from app.services import Services

SEARCH = '<input type="search" placeholder="Search chats" aria-label="Search chats">'

SHARING = "<p>Whoever has this link can read this conversation, also what is asked later.</p>"


class Conversations:
    """The sidebar. Create it at its place in the page."""

    def __init__(self, services: Services) -> None:
        self._pool = services.pool
        self.titled = gr.State(None)  # conversation whose title is in its box
        self.deleted = gr.State(None)  # conversation that "undo" brings back
        with gr.Sidebar(width=280, elem_id="conversations", label="Conversations"):
            gr.Markdown("# Attune", elem_id="brand")
            self.new = gr.Button("New chat", variant="primary", elem_id="new-chat")
            self.undo = gr.Button("Undo delete", size="sm", visible=False, elem_id="undo-delete")
            self._add_tools()
            # Searched, dated and grouped by the page's script, which knows the visitor's time zone.
            gr.HTML(SEARCH, elem_id="conversation-search")
            self.list = gr.Radio([], label="Conversations", elem_id="conversation-list")
            self.account = gr.HTML(elem_id="account")

    def _add_tools(self) -> None:
        """Add the tools above the list, so that a long list does not push them out of sight."""
        # "hidden" components are in the page from the start. A component that is mounted when it
        # first shows gets its value again a frame later, and would overwrite what has been typed.
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
            self.share = gr.Button("Share", size="sm", min_width=0, elem_id="share")
            with gr.Column(visible=False, elem_id="shared") as self.shared:
                gr.HTML(SHARING, elem_id="share-note", padding=False)
                self.link = gr.Textbox(
                    label="Link to this conversation",
                    show_label=False,
                    interactive=False,
                    max_lines=1,
                    elem_id="share-link",
                )
                with gr.Row():
                    self.copy = gr.Button("Copy link", size="sm", min_width=0)
                    self.unshare = gr.Button("Stop sharing", size="sm", min_width=0)

    def view(
        self, visitor: str, opened: Conversation | None, site: str, token: str | None = None
    ) -> dict[Any, Any]:
        """
        The sidebar for the open conversation. None stands for a new one.

        :param site: The address of this site, without a slash at its end.
        :param token: The secret of the conversation's link, if it is shared.
        """
        link = f"/conversations/{opened.id}" if opened else ""
        return {
            self.list: self.choices(visitor, opened.id if opened else None),
            self.tools: gr.Column(visible=True if opened else "hidden"),
            self.titled: str(opened.id) if opened else None,
            self.title: opened.title if opened else "",
            self.markdown: gr.Button(link=f"{link}.md"),
            self.json: gr.Button(link=f"{link}.json"),
            self.undo: gr.Button(visible=False),
            **self._shared(site, token),
        }

    def _shared(self, site: str, token: str | None) -> dict[Any, Any]:
        """What is shown of the open conversation's link."""
        return {
            self.share: gr.Button(visible=token is None),
            self.shared: gr.Column(visible=token is not None),
            self.link: f"{site}{SHARED}/{token}" if token else "",
        }

    def share_open(self, conversation: str | None, request: gr.Request) -> dict[Any, Any]:
        """Share the open conversation by a link."""
        mine, adder = as_uuid(conversation), adder_of(request)
        token = None
        if mine is not None:
            with self._pool.connection() as conn:
                token = shares.start(conn, adder.reader.visitor, mine, adder.who)
        return self._shared(site_of(request), token)

    def unshare_open(self, conversation: str | None, request: gr.Request) -> dict[Any, Any]:
        """Take back the link of the open conversation."""
        mine, adder = as_uuid(conversation), adder_of(request)
        if mine is not None:
            with self._pool.connection() as conn:
                shares.stop(conn, adder.reader.visitor, mine, adder.who)
        return self._shared(site_of(request), None)

    def choices(self, visitor: str, chosen: UUID | None) -> gr.Radio:
        """The list of a visitor's conversations."""
        with self._pool.connection() as conn:
            mine = chats.list_mine(conn, visitor)
        return gr.Radio(
            choices=[(_label(one), str(one.id)) for one in mine],
            value=str(chosen) if chosen else None,
            visible=bool(mine),
        )

    def rename_open(self, conversation: str | None, title: str, request: gr.Request) -> gr.Radio:
        """Give the open conversation another title."""
        mine, visitor = as_uuid(conversation), reader_of(request).visitor
        if mine is not None and title.strip():
            with self._pool.connection() as conn:
                chats.rename(conn, visitor, mine, title.strip()[:200])
        return self.choices(visitor, mine)

    def set_deleted(self, visitor: str, conversation: UUID, *, deleted: bool) -> None:
        """Delete one of the visitor's conversations, or restore it."""
        with self._pool.connection() as conn:
            chats.set_deleted(conn, visitor, conversation, deleted=deleted)


def site_of(request: gr.Request) -> str:
    """The address of this site as its visitor knows it, without a slash at its end."""
    connection = connection_of(request)
    host = connection.headers.get("x-forwarded-host") or connection.headers.get("host", "")
    return f"{connection.url.scheme}://{host}"


def _label(conversation: Conversation) -> str:
    """The title on one line, and below it the time of the last message, for the script."""
    moment = conversation.updated_at.astimezone(UTC)
    return f"{' '.join(conversation.title.split())}\n{moment:%Y-%m-%dT%H:%M:%SZ}"


def as_uuid(text: str | None) -> UUID | None:
    """The id that a client sent, or None if it is not an id."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
