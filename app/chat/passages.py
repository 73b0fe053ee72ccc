"""The panel next to the chat: an answer's passages, and the visitor's marks on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from app.access.reader import Reader, reader_of
from app.chat import markup
from app.chat.conversations import as_uuid
from app.chat.stops import Stops
from pipelines.store import chats, feedback
from pipelines.store.chats import Message, Shown
from pipelines.store.feedback import Verdict
from pipelines.store.ids import MessageId

if TYPE_CHECKING:
    from app.services import Services

ASKED = "Is this the right source for your question?"
SAID: dict[Verdict, str] = {
    "right": "You marked this as the right source.",
    "wrong": "You marked this as the wrong source.",
}
GONE = "This passage is not part of the answer."


class Passages:
    """
    The panel. Create it at its place in the page.

    :param conversation: The state with the open conversation.
    :param quiet: Options for connecting its events.
    """

    def __init__(
        self, services: Services, stops: Stops, conversation: gr.State, quiet: dict[str, Any]
    ) -> None:
        self._pool = services.pool
        self._stops = stops
        self._conversation = conversation
        self.opened = gr.State(None)  # the message whose passages are shown
        with gr.Sidebar(
            position="right", open=False, width=400, elem_id="passages", label="Passages"
        ) as self.panel:
            self.details = gr.Markdown(
                "Open a citation to read its passage.", latex_delimiters=[], elem_id="details"
            )
            self.passage = gr.Markdown("", latex_delimiters=[], elem_id="passage")
            with gr.Column(visible="hidden", elem_id="marking") as self.marking:
                self.said = gr.Markdown(ASKED, elem_id="marked")
                with gr.Row():
                    self.right = gr.Button("Right", size="sm", min_width=0, elem_id="mark-right")
                    self.wrong = gr.Button("Wrong", size="sm", min_width=0, elem_id="mark-wrong")
            self.sources = gr.Radio([], label="Passages found", elem_id="sources")
        # Written to by the page's script when a citation is clicked.
        self.asked = gr.Textbox(
            label="Citation", show_label=False, container=False, elem_id="open-source"
        )
        self._connect(quiet)

    def _connect(self, quiet: dict[str, Any]) -> None:
        marks = [self.said, self.right, self.wrong]
        shown = [self.details, self.passage, self.marking, *marks]
        self.asked.change(
            self._open,
            [self.asked, self._conversation],
            [self.panel, self.sources, self.opened, *shown],
            **quiet,
        )
        chosen = [self.sources, self.opened]
        passage = [*chosen, self._conversation]
        self.sources.input(self._show, passage, shown, **quiet)
        self.right.click(self._mark_right, chosen, marks, **quiet)
        self.wrong.click(self._mark_wrong, chosen, marks, **quiet)

    def _open(self, reference: str, conversation: str | None, request: gr.Request) -> list[Any]:
        """
        Open the panel.

        :param reference: Written by the script: message (0 for the running answer), number, time.
        """
        message_id, number, *_ = (int(part) for part in reference.split("-"))
        reader = reader_of(request)
        message = self._message(reader, message_id, conversation)
        if message is None:
            return [gr.skip()] * 9
        choices = [(markup.source_label(passage), passage.number) for passage in message.shown]
        radio = gr.Radio(choices=choices, value=number)
        return [gr.Sidebar(open=True), radio, message_id, *self._shown(reader, message, number)]

    def _show(
        self, number: int, message_id: int | None, conversation: str | None, request: gr.Request
    ) -> list[Any]:
        reader = reader_of(request)
        message = self._message(reader, message_id, conversation)
        return [gr.skip()] * 6 if message is None else self._shown(reader, message, number)

    def _mark_right(self, number: int, message_id: int | None, request: gr.Request) -> list[Any]:
        return self._mark(reader_of(request), message_id, number, "right")

    def _mark_wrong(self, number: int, message_id: int | None, request: gr.Request) -> list[Any]:
        return self._mark(reader_of(request), message_id, number, "wrong")

    def _mark(
        self, reader: Reader, message_id: int | None, number: int, verdict: Verdict
    ) -> list[Any]:
        """Store the visitor's mark on a passage. The same mark again removes it."""
        message = self._message(reader, message_id)
        passage = None if message is None else _numbered(message, number)
        if message is None or passage is None:
            return [gr.skip()] * 3
        with self._pool.connection() as conn:
            before = feedback.mark_of(conn, message.id, passage.chunk_id, who=reader.visitor)
            after = None if before == verdict else verdict
            feedback.mark(
                conn, message.id, passage.chunk_id, after, who=reader.visitor, by_admin=False
            )
        return _buttons(after)

    def _shown(self, reader: Reader, message: Message, number: int) -> list[Any]:
        """A passage with its visitor's mark."""
        passage = _numbered(message, number)
        if passage is None:
            return [GONE, "", gr.Column(visible="hidden"), *_buttons(None)]
        said = None
        if message.id:
            with self._pool.connection() as conn:
                said = feedback.mark_of(conn, message.id, passage.chunk_id, who=reader.visitor)
        # There is nothing to judge before the answer is complete.
        marking = gr.Column(visible=True if message.id else "hidden")
        return [
            markup.source_details(passage), markup.passage_text(passage), marking, *_buttons(said)
        ]  # fmt: skip

    def _message(
        self, reader: Reader, message_id: int | None, conversation: str | None = None
    ) -> Message | None:
        """The visitor's answer with this id. For 0, the hits of the running answer."""
        if message_id == 0 and (mine := as_uuid(conversation)) is not None:
            shown = self._stops.found(mine, reader.visitor)
            return Message(MessageId(0), "assistant", "", None, None, None, shown)
        with self._pool.connection() as conn:
            found = chats.message(conn, reader.visitor, message_id or 0)
        return None if found is None else reader.clear(found)


def _numbered(message: Message, number: int) -> Shown | None:
    return next((passage for passage in message.shown if passage.number == number), None)


def _buttons(said: Verdict | None) -> list[Any]:
    """The sentence and the two buttons. The chosen one has a tick, not only a colour."""

    def button(verdict: Verdict, name: str) -> gr.Button:
        chosen = said == verdict
        return gr.Button(
            f"✓ {name}" if chosen else name, variant="primary" if chosen else "secondary"
        )

    told = f"{SAID[said]} Press again to undo." if said else ASKED
    return [told, button("right", "Right"), button("wrong", "Wrong")]
