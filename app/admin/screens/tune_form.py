"""The form of a training run: where it starts, what it learns from, the method and its settings."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions import fine_tuning
from app.admin.html import jobs, tune
from app.services import Services
from pipelines.errors import InputError
from training.finetune.options import TrainOptions


class Form:
    """The fields, laid out where they stand in the page."""

    def __init__(self, services: Services) -> None:
        self._services = services
        with gr.Row():
            self.base = gr.Dropdown(
                [], label="Start from", info="The version to train further.",
                min_width=180, elem_id="tune-base",
            )  # fmt: skip
            self.sources = gr.CheckboxGroup(
                [], label="Learn from",
                info="All versions are compared on the same held-out questions.",
                min_width=260, elem_id="tune-sources",
            )  # fmt: skip
        self.method = gr.Radio(
            list(jobs.METHODS.items()), value="adapter", label="Method", elem_id="tune-method"
        )
        self.means = gr.HTML(tune.method_note("adapter"))
        self.auto = gr.Checkbox(
            label="Compare it afterwards, and promote it if it is better",
            info="Better means: on held-out questions, by more than chance. Otherwise the serving"
            " version stays, and the reason is kept.",
            elem_id="tune-auto",
        )
        with gr.Accordion("More settings", open=False, elem_id="tune-more"):
            self._lay_out_more()

    def _lay_out_more(self) -> None:
        """What few people change."""
        with gr.Row():
            self.name = gr.Textbox(
                label="Name of the version", placeholder="the next free one: v1, v2, …",
                max_lines=1, max_length=40, min_width=180,
            )  # fmt: skip
            self.epochs = gr.Number(
                0, label="Epochs", info="How often the run goes through all pairs. 0: what suits"
                " the method. More epochs fit better, then overfit.",
                minimum=0, maximum=200, min_width=180,
            )  # fmt: skip
            self.batch = gr.Number(
                0, label="Batch size", info="Pairs in one step. The other passages of a batch are"
                " its wrong answers: a larger batch is harder and slower. 0: what suits the method.",
                minimum=0, maximum=1024, precision=0, min_width=180,
            )  # fmt: skip
        with gr.Row():
            self.rate = gr.Number(
                0, label="Learning rate", info="0: what suits the method. If it is too high, the"
                " model forgets what it knew.", minimum=0, maximum=1, min_width=180,
            )  # fmt: skip
            self.negatives = gr.Number(
                2, label="Hard negatives", info="Wrong passages that the search ranks high, added to"
                " each pair. For the whole encoder and LoRA.",
                minimum=0, maximum=10, precision=0, min_width=180,
            )  # fmt: skip
            self.frozen = gr.Number(
                0, label="Frozen layers", info="Lowest layers that are not trained. Faster, and"
                " the model forgets less. Only for the whole encoder.",
                minimum=0, maximum=48, precision=0, min_width=180,
            )  # fmt: skip
        with gr.Row():
            self.sides = gr.Radio(
                [("Questions and passages", "both"), ("Questions only", "query")],
                value="both", label="Adapter on", min_width=220,
                info="On questions only, the stored vectors stay and promoting takes seconds.",
            )  # fmt: skip
            self.seed = gr.Number(
                0, label="Seed", info="The same seed gives the same version.", precision=0,
                minimum=0, min_width=180,
            )  # fmt: skip

    @property
    def inputs(self) -> list[Any]:
        """What `options` takes, in this order."""
        return [
            self.base, self.sources, self.method, self.epochs, self.batch, self.rate,
            self.negatives, self.frozen, self.sides, self.seed,
        ]  # fmt: skip

    def options(self, *form: Any) -> tuple[str, list[str], TrainOptions]:
        """
        The version to start from, the sources of pairs, and the options of a run.

        :raises InputError: A choice is missing, or an option is out of its range.
        """
        base, sources, method, epochs, batch, rate, negatives, frozen, sides, seed = form
        if not base or not sources:
            raise InputError("Choose a version to start from, and pairs to learn from.")
        options = fine_tuning.options(
            self._services,
            method=method,
            epochs=epochs or None,
            batch_size=int(batch or 0) or None,
            learning_rate=rate or None,
            hard_negatives=int(negatives or 0),
            freeze_layers=int(frozen or 0),
            adapter_sides="query" if sides == "query" else "both",
            seed=int(seed or 0),
        )
        return base, list(sources), options
