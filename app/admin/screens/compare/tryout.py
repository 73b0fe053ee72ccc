"""Trying versions out: one question, asked of two of them. Nothing is stored."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions.tryout import Tryout
from app.admin.html import parts, passages
from app.admin.screen import Screen, Updates


class TryIt:
    """The fields and the passages that both versions find."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._tryout = Tryout(screen.services)
        gr.HTML(str(parts.heading("Try it", "ask two versions a question; nothing is stored")))
        with gr.Column(elem_classes="board"):
            with gr.Row():
                self.left = gr.Dropdown([], label="Version", min_width=140, elem_id="try-left")
                self.right = gr.Dropdown(
                    [], label="Other version", min_width=140, elem_id="try-right"
                )
                self.question = gr.Textbox(
                    label="Question", placeholder="Ask as a visitor would", max_lines=2, scale=3,
                    max_length=1000, min_width=240, elem_id="try-question",
                )  # fmt: skip
            self.unbuilt = gr.HTML(elem_id="try-unbuilt")
            with gr.Row(elem_classes="actions"):
                self.ask = gr.Button("Ask", size="sm", elem_id="try-ask")
            self.answers = gr.HTML(elem_id="try-answers")

    @property
    def outputs(self) -> list[Any]:
        """What `offer` updates."""
        return [self.left, self.right, self.unbuilt]

    def offer(self, built: list[str], unbuilt: list[str]) -> Updates:
        """The versions to choose from. At first the serving one and the newest other are chosen."""
        serving = built[0] if built else None
        other = next((name for name in built if name != serving), None)
        choices = [*built, *((f"{name} (not built)", name) for name in unbuilt)]
        return {
            self.left: gr.Dropdown(choices, value=serving),
            self.right: gr.Dropdown(choices, value=other),
            self.unbuilt: passages.unbuilt(unbuilt),
        }

    def connect(self) -> None:
        """Let the button and the Enter key ask."""
        self._screen.on(
            [self.ask.click, self.question.submit], self._ask,
            [self.question, self.left, self.right], [self.answers], show_progress="minimal",
        )  # fmt: skip

    def _ask(self, who: str, question: str | None, left: str | None, right: str | None) -> str:
        names = [name for name in (left, right) if name]
        return passages.tried(self._tryout.ask(question or "", names))
