"""What the language model is told for answers: read, changed, tried, and put back to the default."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions.llms import prompts
from app.actions.llms.prompts import ShownPrompt
from app.admin.html.llms import prompts as html
from app.admin.screen import Screen
from pipelines.answering.prompts.template import MOST_CHARS, NAMES

LABELS = {"answer": "Answers", "deeper": "Deeper looks"}
QUESTION_CHARS = 1000


class PromptForm:
    """The instructions for one kind of answers at a time."""

    def __init__(self, screen: Screen) -> None:
        """Lay out the form and connect it."""
        self._services = screen.services
        with gr.Accordion("Instructions", open=False, elem_id="prompt") as self.fold:
            self._lay_out()
        self._connect(screen)

    def _lay_out(self) -> None:
        with gr.Column(elem_classes="board"):
            self.name = gr.Radio(
                [(LABELS[name], name) for name in NAMES], value=NAMES[0], label="For",
                elem_id="prompt-name",
                info="A deeper look searches and reads by itself before it answers.",
            )  # fmt: skip
            self.state = gr.HTML(elem_id="prompt-state")
            self.text = gr.Textbox(
                label="What the model is told", lines=14, max_lines=30, max_length=MOST_CHARS,
                elem_id="prompt-text",
            )  # fmt: skip
            gr.HTML(html.placeholders(), elem_id="prompt-placeholders")
            with gr.Row(elem_classes="actions"):
                self.save = gr.Button("Save", variant="primary", size="sm", elem_id="prompt-save")
                self.reset = gr.Button("Back to the default", size="sm", elem_id="prompt-reset")
            self.question = gr.Textbox(
                label="A question to try it on", max_lines=2, max_length=QUESTION_CHARS,
                elem_id="prompt-question", info="Nothing is saved, and nobody else notices.",
            )  # fmt: skip
            with gr.Row(elem_classes="actions"):
                self.test = gr.Button("Try it", size="sm", elem_id="prompt-test")
            self.result = gr.HTML(elem_id="prompt-result")

    def _connect(self, screen: Screen) -> None:
        form = [self.state, self.text, self.result]
        screen.on(self.fold.expand, self._show, [self.name], form)
        screen.on(self.name.input, self._show, [self.name], form)
        screen.on(self.save.click, self._save, [self.name, self.text], form)
        screen.on(self.reset.click, self._reset, [self.name], form)
        tried = [self.name, self.text, self.question]
        screen.on(self.test.click, self._test, tried, [self.result], show_progress="minimal")

    def _show(self, _: str, name: str) -> tuple[Any, ...]:
        return self._shown(prompts.show(self._services, prompts.named(name)))

    def _shown(self, shown: ShownPrompt) -> tuple[Any, ...]:
        return html.state(shown), shown.template, ""

    def _save(self, who: str, name: str, text: str) -> tuple[Any, ...]:
        saved = prompts.save(self._services, prompts.named(name), text or "", who=who)
        gr.Info("The next question is answered by these instructions.", title="Done")
        return self._shown(saved)

    def _reset(self, who: str, name: str) -> tuple[Any, ...]:
        shown = prompts.reset(self._services, prompts.named(name), who=who)
        gr.Info("The next question is answered by the default instructions.", title="Done")
        return self._shown(shown)

    def _test(self, who: str, name: str, text: str, question: str) -> str:
        answer = prompts.try_out(
            self._services, prompts.named(name), text or "", question or "", who=who
        )
        return html.tried(answer)
