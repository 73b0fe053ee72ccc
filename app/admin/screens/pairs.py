"""Pairs: questions with their passages, made, imported, reviewed and counted."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr
from markupsafe import Markup

from app.actions.pairs import reviewing
from app.admin.html import jobs as jobs_html
from app.admin.html import pairs, parts
from app.admin.screen import Screen, Updates, View, header
from app.admin.screens.pairs_making import FileTransfer, Making
from pipelines.errors import InputError
from pipelines.store import jobs, pair_review
from pipelines.store.pair_review import Filter, ReviewPlace, Step
from pipelines.store.pairs import Split, Status

STATUSES: dict[str, Status] = {
    "To review": "review",
    "Accepted": "accepted",
    "Rejected": "rejected",
}
SAMPLE = "Sample of 20"
SAMPLED = 20
SIDES: dict[str, Split | None] = {"Both sides": None, "Training": "train", "Held-out": "heldout"}
ESTIMATED_S = 30  # how long an estimate stands; it is also made again when a job ends
MAKING = ["generate", "import_pairs"]


def build(screen: Screen) -> None:
    """Fill the tab."""
    _PairsScreen(screen)


class _PairsScreen:
    def __init__(self, screen: Screen) -> None:
        self._services, self._pool = screen.services, screen.services.pool
        header(
            "Pairs",
            "A pair is a question with the passage that answers it. The search learns from the training"
            " pairs. The held-out pairs only judge whether a version got better.",
        )
        self.counts = gr.HTML(parts.LOADING, elem_id="pairs-counts")
        self.next = gr.HTML(elem_id="pairs-next")
        with gr.Row(elem_classes="actions", visible=False) as self.check:
            self.look_at = gr.Button(f"Show a {SAMPLE.lower()}", size="sm", elem_id="pairs-sample")
            gr.HTML(str(parts.quiet("to see what the search will learn from")))
        self.under_way = gr.HTML(elem_id="pairs-jobs")
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=3, min_width=340):
                self._lay_out_review()
            with gr.Column(scale=2, min_width=320):
                self.making = Making(screen)
                self.files = FileTransfer(screen)
        with gr.Accordion(
            "All pairs by source, and why some were refused", open=False, elem_classes="folded"
        ):
            self.quality = gr.HTML(elem_id="pairs-quality")
        self._connect(screen)

    def _lay_out_review(self) -> None:
        gr.Markdown("### Review", elem_classes="part")
        with gr.Row(elem_classes="tools"):
            self.status = gr.Radio(
                [*STATUSES, SAMPLE], value="To review", label="Status", show_label=False,
                container=False, elem_classes="filter", elem_id="pairs-status", scale=3, min_width=360,
            )  # fmt: skip
            self.side = gr.Dropdown(
                list(SIDES), value="Both sides", label="Side", show_label=False, container=False,
                filterable=False, elem_id="pairs-side", scale=1, min_width=130,
            )  # fmt: skip
            self.search = gr.Textbox(
                label="Search", show_label=False, container=False, max_lines=1,
                placeholder="Search questions, documents", elem_id="pairs-search", scale=2,
                min_width=150,
            )  # fmt: skip
        self.at = gr.State(0)
        self.estimated = gr.State(None)  # what the shown estimate was made for
        with gr.Group(elem_classes="card-group", elem_id="pair"):
            self.facts = gr.HTML(parts.LOADING, elem_id="pair-facts")
            self.question = gr.Textbox(
                label="Question", lines=2, max_lines=4, max_length=1000, elem_id="pair-question"
            )
            self.passage = gr.HTML(elem_id="pair-passage")
        with gr.Row(elem_classes="actions", elem_id="pair-actions"):
            self.accept = gr.Button("Accept", variant="primary", elem_id="pair-accept")
            self.reject = gr.Button("Reject", variant="stop", elem_id="pair-reject")
            self.before = gr.Button("←", elem_id="pair-before")
            self.after = gr.Button("→", elem_id="pair-next")
            gr.Markdown(
                "Keys: **a** accept, **e** edit the question, **r** reject, **←** **→** previous and next.",
                elem_classes="keys",
            )

    def _connect(self, screen: Screen) -> None:
        self._card = [self.at, self.facts, self.question, self.passage, self.accept, self.reject]
        chosen = [self.status, self.side, self.search]
        shown = [
            self.counts, self.next, self.check, self.quality, self.under_way, self.files.imported,
            self.estimated, *self.making.outputs, *self._card,
        ]  # fmt: skip
        screen.shows(self._look, [*chosen, self.at, self.estimated, *self.making.inputs], shown)
        changed = [self.status.change, self.side.change, self.search.change]
        screen.on(changed, self._first, chosen, self._card)
        # Chosen by the button, the filter changes, which shows the first of them.
        screen.on(
            self.look_at.click, lambda who: SAMPLE, [], [self.status],
            js="(...given) => { window.attuneShow('pair'); return given; }",
        )  # fmt: skip
        screen.on(self.after.click, self._next, [*chosen, self.at], self._card)
        screen.on(self.before.click, self._previous, [*chosen, self.at], self._card)
        decided = [*chosen, self.at, self.question]
        screen.on(
            [self.accept.click, self.question.submit], self._accept, decided,
            [*self._card, self.counts],
        )  # fmt: skip
        screen.on(self.reject.click, self._reject, decided, [*self._card, self.counts])
        self.making.connect()
        self.files.connect()

    def _look(
        self, who: str, status: str, side: str, search: str, at: int, estimated: Any, *making: Any
    ) -> View:
        wanted = _filter(status, side, search)
        with self._pool.connection() as conn:
            found = pair_review.counts(conn)
            place = pair_review.look(conn, wanted, at)
            running = jobs.recent(conn, limit=5, tasks=MAKING, statuses=jobs_html.OPEN)
            last = next(iter(jobs.recent(conn, limit=1, tasks=["import_pairs"])), None)
            phrases = pair_review.phrases(conn)
        updates: Updates = {
            self.counts: pairs.counts(found),
            self.next: pairs.next_step(found, phrases, bool(running)),
            self.check: gr.Row(visible=phrases[1] > 0 and not running),
            self.quality: pairs.quality(found),
            self.under_way: Markup("").join(pairs.progress(job) for job in running),
            self.files.imported: pairs.imported(last),
        }
        if place is None or place.pair.id != at:  # what is being edited stays as it is
            updates |= dict(zip(self._card, self._shown(place, wanted), strict=True))
        key = [len(running), int(time.time() // ESTIMATED_S)]
        if key != estimated:
            updates |= dict(zip(self.making.outputs, self.making.show(*making), strict=True))
            updates[self.estimated] = key
        return View(updates, running=bool(running))

    def _shown(self, place: ReviewPlace | None, wanted: Filter) -> list[Any]:
        """Updates of the card."""
        if place is None:
            return [
                0, pairs.nothing(wanted), gr.Textbox("", visible=False), "",
                gr.Button(interactive=False), gr.Button(interactive=False),
            ]  # fmt: skip
        pair = place.pair
        return [
            pair.id, pairs.facts(place), gr.Textbox(pair.question, visible=True), pairs.passage(place),
            gr.Button(interactive=True), gr.Button(interactive=pair.status != "rejected"),
        ]  # fmt: skip

    def _show(self, wanted: Filter, at: int, step: Step) -> list[Any]:
        with self._pool.connection() as conn:
            return self._shown(pair_review.look(conn, wanted, at, step), wanted)

    def _first(self, _: str, status: str, side: str, search: str) -> list[Any]:
        return self._show(_filter(status, side, search), 0, "here")

    def _next(self, _: str, status: str, side: str, search: str, at: int) -> list[Any]:
        return self._show(_filter(status, side, search), at, "next")

    def _previous(self, _: str, status: str, side: str, search: str, at: int) -> list[Any]:
        return self._show(_filter(status, side, search), at, "before")

    def _accept(
        self, who: str, status: str, side: str, search: str, at: int, question: str
    ) -> list[Any]:
        return self._decide(who, _filter(status, side, search), at, "accepted", question)

    def _reject(
        self, who: str, status: str, side: str, search: str, at: int, question: str
    ) -> list[Any]:
        return self._decide(who, _filter(status, side, search), at, "rejected", None)

    def _decide(
        self, who: str, wanted: Filter, at: int, status: Status, question: str | None
    ) -> list[Any]:
        if not at:
            raise InputError("There is no pair to decide on.")
        reviewing.decide(self._services, at, status, who=who, question=question)
        with self._pool.connection() as conn:
            step: Step = "next" if wanted.sample or status == wanted.status else "here"
            place = pair_review.look(conn, wanted, at, step)
            return [*self._shown(place, wanted), pairs.counts(pair_review.counts(conn))]


def _filter(status: str, side: str, search: str) -> Filter:
    sample = SAMPLED if status == SAMPLE else 0
    return Filter(STATUSES.get(status, "review"), SIDES.get(side), search or "", sample)
