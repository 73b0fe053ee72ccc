"""The panel next to the chat: an answer's passages, and the visitor's marks on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from app.access.reader import Reader, reader_of
from app.chat.conversations import as_uuid
from app.chat.rendering import markup
from app.chat.source.link import link
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
PREVIEW = '<div id="source-preview"></div>'
GONE = "This passage is not part of the answer."


class PassagePanel:
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
        self._quiet = quiet
        self.opened = gr.State(None)  # the message whose passages are shown
        with gr.Sidebar(
            position="right", open=False, width=400, elem_id="passages", label="Passages"
        ) as self.panel:
            self.details = gr.Markdown(
                "Open a citation to read its passage.", latex_delimiters=[], elem_id="details"
            )
            # Filled by the page's script: the passage on its page.
            gr.HTML(PREVIEW, elem_id="page-preview", padding=False)
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
        self._marks = [self.said, self.right, self.wrong]
        self._outputs = [self.details, self.passage, self.marking, *self._marks]
        self._connect()

    def _connect(self) -> None:
        quiet, marks, shown = self._quiet, self._marks, self._outputs
        opened = self.asked.change(
            self._open,
            [self.asked, self._conversation],
            [self.panel, self.sources, self.opened, *shown],
            **quiet,
        )
        # The answer may have ended between the click and this, too early for the event at its end.
        self.settle_after(opened)
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
        return [
            gr.Sidebar(open=True),
            radio,
            message_id,
            *self._shown(reader, message, number, conversation),
        ]

    def _show(
        self, number: int, message_id: int | None, conversation: str | None, request: gr.Request
    ) -> list[Any]:
        reader = reader_of(request)
        message = self._message(reader, message_id, conversation)
        return (
            [gr.skip()] * 6
            if message is None
            else self._shown(reader, message, number, conversation)
        )

    def settle_after(self, done: gr.events.Dependency) -> None:
        """
        Show the passage of a running answer again once the answer is stored, as what it is then: with
        the marked sentence, and open to a judgement.

        :param done: An event after which the answer may be stored.
        """
        done.then(
            self._settle,
            [self.sources, self.opened, self._conversation],
            [self.opened, *self._outputs],
            **self._quiet,
        )

    def _settle(
        self,
        number: int | None,
        message_id: int | None,
        conversation: str | None,
        request: gr.Request,
    ) -> list[Any]:
        answer = None
        if message_id == 0 and number is not None:
            answer = self._last_answer(reader_of(request), conversation)
        if answer is None:
            return [gr.skip()] * 7
        return [answer.id, *self._show(number or 0, answer.id, conversation, request)]

    def _last_answer(self, reader: Reader, conversation: str | None) -> Message | None:
        """The conversation's last answer, unless a question is still being answered."""
        if (mine := as_uuid(conversation)) is None:
            return None
        with self._pool.connection() as conn:
            last = chats.messages(conn, reader.visitor, mine)[-1:]
        return last[0] if last and last[0].role == "assistant" else None

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

    def _shown(
        self, reader: Reader, message: Message, number: int, conversation: str | None
    ) -> list[Any]:
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
        details = f"{markup.source_details(passage)}\n\n{link(passage, message.id, conversation)}"
        return [details, markup.passage_text(passage), marking, *_buttons(said)]

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
