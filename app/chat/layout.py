"""The components of the chat page, in their order on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from app.chat.conversations import Conversations
from app.chat.passages import PassagePanel
from app.chat.stops import Stops
from app.services import Services

STYLE = Path(__file__).with_name("style.css")
# Filled by the page's script. Changes of a file's state are also announced to screen readers.
FILES = '<div id="editing"></div><div id="picker"></div><div id="files"></div><div id="files-status" role="status"></div>'
# Characters of a choice of documents with their titles.
CHOICE_CHARS = 30_000
# A question with what the page's script writes before it.
SUGGESTED_CHARS = 4100
DEGRADED = (
    "The tuned search cannot be loaded right now, so answers may be worse than usual. An admin can"
    " see why."
)
NOT_YOURS = "This conversation belongs to another browser or account, or it was deleted."
# The page's own events are not offered as an API, and show no spinner.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
Updates = dict[Any, Any]


class Layout:
    """The components. The chat scrolls in the middle, and the composer stays below it."""

    def __init__(self, services: Services, stops: Stops) -> None:
        self.conversation = gr.State(None)
        self.help = gr.State(False)  # a new conversation is about Attune itself
        self.messages = gr.State([])  # ids of the chat's messages, in order
        self.voted = gr.State(None)  # message and verdict that a reason belongs to
        self.sidebar = Conversations(services)
        self.notice = gr.HTML(visible=False, elem_id="notice")
        self.chat = _chatbot()
        with gr.Column(elem_id="composer"):
            self.to_end = gr.Button("Jump to the end", elem_id="to-end")
            # Where to search, and the files that somebody adds, with their progress.
            gr.HTML(FILES, elem_id="attachments", padding=False)
            self.files_ready = gr.Button("New documents", visible="hidden", elem_id="files-ready")
            self._add_reason()
            self.box = _question_box()
        # Written to by the page's script when a suggested question is clicked.
        self.suggested = gr.Textbox(
            label="Suggested question", show_label=False, container=False, elem_id="ask-this",
            max_length=SUGGESTED_CHARS,
        )  # fmt: skip
        # The choice of documents: written by the page's script, and by the page for it.
        self.choice = gr.Textbox(
            label="Where to search", show_label=False, container=False, elem_id="choice",
            max_length=CHOICE_CHARS, lines=1, max_lines=1,
        )  # fmt: skip
        self.passages = PassagePanel(services, stops, self.conversation, QUIET)

    def _add_reason(self) -> None:
        """
        Add the field for a vote's reason, above the question, where it is visible at any scroll
        position.
        """
        with gr.Row(visible="hidden", elem_id="why") as self.why:
            self.reason = gr.Textbox(
                label="Reason",
                show_label=False,
                container=False,
                placeholder="What was good or wrong? (optional)",
                scale=4,
                max_lines=1,
                max_length=1000,
                elem_id="reason",
            )
            self.send_reason = gr.Button("Send", scale=0, min_width=80, elem_id="send-reason")


def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(
        show_label=False,
        elem_id="chat",
        height="100%",
        scale=1,
        layout="bubble",
        # The page's script scrolls, because Gradio can only scroll to the end.
        autoscroll=False,
        buttons=["copy"],
        sanitize_html=True,
        allow_tags=False,
        latex_delimiters=[],
        feedback_options=("Like", "Dislike"),
        group_consecutive_messages=False,
    )


def _question_box() -> gr.Textbox:
    return gr.Textbox(
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


def shown_if(wanted: bool) -> bool | str:
    """Gradio's value for visible, or for hidden but present in the page."""
    return True if wanted else "hidden"
