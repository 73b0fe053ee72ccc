"""A comparison question by question: which ranks changed, with the passages of both sides."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions.comparisons import Comparisons
from app.admin.html import parts, passages
from app.admin.screen import Screen, Updates
from pipelines.store.evaluations import Evaluation
from pipelines.store.ids import EvaluationId
from training.evaluation.figures.changes import Kind

KINDS: dict[str, Kind | None] = {"Lower": "lost", "Higher": "won", "Equal": "alike", "All": None}
LABELS = {kind: label for label, kind in KINDS.items()}


class QuestionList:
    """
    The folded list, with the two ways to search that are compared.

    :param shown: The state with the id of the evaluation on show.
    """

    def __init__(self, screen: Screen, shown: gr.State) -> None:
        self._screen, self._shown = screen, shown
        self._comparisons = Comparisons(screen.services.pool)
        self.number = gr.State(0)
        with gr.Row(elem_classes="fields"):
            self.old = gr.Dropdown([], label="From", min_width=180, elem_id="from")
            self.new = gr.Dropdown([], label="To", min_width=180, elem_id="to")
            self.kind = gr.Radio(
                list(KINDS), value="Lower", label="Rank of the right passage", elem_id="kind",
                elem_classes="filter", min_width=260,
            )  # fmt: skip
        self.list = gr.HTML(elem_id="questions")
        with gr.Row(elem_classes="actions"):
            self.back = gr.Button("‹ Previous", size="sm", min_width=80)
            self.place = gr.HTML(min_width=120)
            self.forth = gr.Button("Next ›", size="sm", min_width=80)

    @property
    def _page_outputs(self) -> list[Any]:
        return [self.list, self.place, self.back, self.forth, self.number]

    @property
    def outputs(self) -> list[Any]:
        """What `show` updates."""
        return [self.old, self.new, self.kind, *self._page_outputs]

    def show(self, one: Evaluation) -> Updates:
        """An evaluation from its first page on: what got worse, if anything did."""
        systems = [system["name"] for system in one.figures["systems"]]
        models = [model["name"] for model in one.figures["models"]]
        old = f"{models[0]}, hybrid"
        new = f"{models[-1]}, hybrid" if len(models) > 1 else systems[0]
        counts = self._comparisons.page(one.id, old, new, None, 0).counts
        kind = next((LABELS[k] for k in ("lost", "won", "alike") if counts[k]), "All")
        return {
            self.old: gr.Dropdown(systems, value=old),
            self.new: gr.Dropdown(systems, value=new),
            self.kind: kind,
            **self._page(one.id, old, new, kind, 0),
        }

    def connect(self) -> None:
        """Let the choices and the buttons turn to another page."""
        where = [self._shown, self.old, self.new, self.kind]
        chosen = [self.old.input, self.new.input, self.kind.input]
        self._screen.on(chosen, self._first, where, self._page_outputs)
        turned = [*where, self.number]
        self._screen.on(self.back.click, self._before, turned, self._page_outputs)
        self._screen.on(self.forth.click, self._after, turned, self._page_outputs)

    def _page(self, shown: int, old: str, new: str, kind: str, number: int) -> Updates:
        page = self._comparisons.page(EvaluationId(shown), old, new, KINDS.get(kind), number)
        return {
            self.list: passages.questions(page, old, new),
            self.place: str(parts.quiet(f"Page {page.number + 1} of {page.pages}")),
            self.back: gr.Button(interactive=page.number > 0),
            self.forth: gr.Button(interactive=page.number + 1 < page.pages),
            self.number: page.number,
        }

    def _first(self, who: str, shown: int, old: str, new: str, kind: str) -> Updates:
        return self._page(shown, old, new, kind, 0)

    def _before(self, who: str, shown: int, old: str, new: str, kind: str, number: int) -> Updates:
        return self._page(shown, old, new, kind, number - 1)

    def _after(self, who: str, shown: int, old: str, new: str, kind: str, number: int) -> Updates:
        return self._page(shown, old, new, kind, number + 1)
