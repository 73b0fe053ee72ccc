"""Pairs: questions with their passages, made, brought along, reviewed, and counted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import queue
from app.actions import importing
from app.admin.html import estimates, pairs, parts, pieces
from app.admin.html import jobs as jobs_html
from app.admin.screen import Screen, Updates, View, header
from app.services import Services, llm_options
from pipelines.errors import InputError
from pipelines.store import jobs, pair_review
from pipelines.store.pair_review import Filter, Place, Step
from pipelines.store.pairs import Split, Status
from training.pairs import collect, teach

STATUSES: dict[str, Status] = {
    "To review": "review",
    "Accepted": "accepted",
    "Rejected": "rejected",
}
SAMPLE = "Look at 20"
SAMPLED = 20
SIDES: dict[str, Split | None] = {"Both sides": None, "To train on": "train", "Held-out": "heldout"}
ESTIMATED_S = 30  # an estimate is made again after so long, or once a job has ended
MAKING = ["generate", "import_pairs"]
SOURCES = [("Without a language model", "offline"), ("From liked answers", "feedback")]


def build(screen: Screen) -> None:
    """Fill the tab."""
    _Pairs(screen)


class _Pairs:
    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        self._pool = screen.services.pool
        header(
            "Pairs",
            "A pair is a question with the passage that answers it. The search learns from one part"
            " of them. The other part is held out: it only judges whether a version got better.",
        )
        self.counts = gr.HTML(pieces.LOADING, elem_id="pairs-counts")
        self.next = gr.HTML(elem_id="pairs-next")
        with gr.Row(elem_classes="actions", visible=False) as self.check:
            self.look_at = gr.Button(SAMPLE, size="sm", elem_id="pairs-sample")
            gr.HTML(str(pieces.quiet("a sample of 20, to see what the search will learn from")))
        self.under_way = gr.HTML(elem_id="pairs-jobs")
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=3, min_width=340):
                self._lay_out_review()
            with gr.Column(scale=2, min_width=320):
                self._lay_out_making()
                self._lay_out_files()
        with gr.Accordion(
            "What was made, and why some was not taken", open=False, elem_classes="folded"
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
            self.facts = gr.HTML(pieces.LOADING, elem_id="pair-facts")
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
                "Keys: **a** accept, **e** edit the question, **r** reject, **←** **→** look at others.",
                elem_classes="keys",
            )

    def _lay_out_making(self) -> None:
        gr.Markdown("### Make pairs from the documents", elem_classes="part")
        llm = llm_options(self._services.settings)
        asked = [(f"With the language model ({llm.model})", "llm")] if llm else []
        self.source = gr.Radio(
            [*asked, *SOURCES], value="llm" if llm else "offline", label="How",
            elem_id="pairs-source",
            info=None if llm else "With OPENAI_API_KEY or OPENAI_BASE_URL set, a language model can write them.",
        )  # fmt: skip
        with gr.Row():
            self.per_passage = gr.Slider(
                0, 10, value=0, step=1, label="Questions for a passage",
                info="0: as many as suit", min_width=140,
            )  # fmt: skip
            self.limit = gr.Number(
                collect.MOST_PASSAGES, label="Passages at most", precision=0, minimum=1,
                info="an even sample", min_width=140,
            )  # fmt: skip
        self.again = gr.Checkbox(
            label="Start over: delete the pairs of this kind that nobody reviewed",
            elem_id="pairs-again",
        )
        self.estimate = gr.HTML(elem_id="pairs-estimate")
        self.generate = gr.Button("Make pairs", variant="primary", elem_id="pairs-generate")

    def _lay_out_files(self) -> None:
        gr.Markdown("### Import and export", elem_classes="part")
        with gr.Row():
            self.file = gr.File(
                label="JSON of queries, corpus and relevant_docs, or CSV of question and passage",
                show_label=False, file_types=[".json", ".csv"], height=84, elem_id="pairs-file",
            )  # fmt: skip
        gr.Markdown(
            "JSON with `queries`, `corpus` and `relevant_docs`, or CSV with the columns `question`"
            " and `passage`. If one row is wrong, nothing is imported.",
            elem_classes="aside",
        )
        with gr.Row(elem_classes="actions"):
            self.file_side = gr.Dropdown(
                [("Hold out a part", ""), ("All to train on", "train"), ("All held-out", "heldout")],
                value="", label="Side", show_label=False, container=False, filterable=False,
                min_width=170, elem_id="pairs-file-side",
            )  # fmt: skip
            self.take = gr.Button("Import", elem_id="pairs-import")
        self.imported = gr.HTML(elem_id="pairs-imported")
        gr.HTML(
            Markup('<p class="exports">{} {}, {}; <span class="aside">{}</span></p>').format(
                "Export what was accepted:",
                Markup('<a href="/admin/pairs.json" download>JSON</a>'),
                Markup('<a href="/admin/pairs.csv" download>CSV</a>'),
                Markup(
                    'or one side: <a href="/admin/pairs.json?side=train" download>to train on</a>,'
                    ' <a href="/admin/pairs.json?side=heldout" download>held-out</a>'
                ),
            )
        )

    def _connect(self, screen: Screen) -> None:
        self._card = [self.at, self.facts, self.question, self.passage, self.accept, self.reject]
        chosen = [self.status, self.side, self.search]
        making = [self.source, self.per_passage, self.limit, self.again]
        shown = [
            self.counts, self.next, self.check, self.quality, self.under_way, self.imported, self.estimate,
            self.estimated, self.generate, *self._card,
        ]  # fmt: skip
        screen.shows(self._look, [*chosen, self.at, self.estimated, *making], shown)
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
        asked = [self.source.change, self.per_passage.release, self.limit.change, self.again.change]
        screen.on(asked, self._estimate, making, [self.estimate, self.generate])
        screen.on(self.generate.click, self._generate, making, [], then_look=True)
        screen.on(
            self.take.click, self._import, [self.file, self.file_side], [self.file],
            then_look=True, show_progress="minimal",
        )  # fmt: skip

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
            self.imported: pairs.imported(last),
        }
        if place is None or place.pair.id != at:  # what is being edited stays as it is
            updates |= dict(zip(self._card, self._shown(place, wanted), strict=True))
        key = [len(running), int(time.time() // ESTIMATED_S)]
        if key != estimated:
            told, button = self._estimate(who, *making)
            updates |= {self.estimate: told, self.generate: button, self.estimated: key}
        return View(updates, running=bool(running))

    def _shown(self, place: Place | None, wanted: Filter) -> list[Any]:
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
        with self._pool.connection() as conn:
            teach.decide(conn, at, status, who=who, question=question)
            step: Step = "next" if wanted.sample or status == wanted.status else "here"
            place = pair_review.look(conn, wanted, at, step)
            return [*self._shown(place, wanted), pairs.counts(pair_review.counts(conn))]

    def _estimate(
        self, _: str, source: str, per_passage: int, limit: int, again: bool
    ) -> tuple[Markup, gr.Button]:
        found = estimates.estimate(
            self._services, source, per_passage=int(per_passage or 0), limit=int(limit or 1),
            again=again,
        )  # fmt: skip
        button = gr.Button(
            interactive=found.something, variant="secondary" if found.made else "primary"
        )
        return parts.note(found.words, "busy" if found.something else "quiet"), button

    def _generate(self, who: str, source: str, per_passage: int, limit: int, again: bool) -> None:
        queue.defer(
            self._services,
            "generate",
            who=who,
            source=source,
            per_passage=int(per_passage) or None,
            limit=max(1, int(limit or collect.MOST_PASSAGES)),
            again=bool(again),
        )

    def _import(self, who: str, path: str | None, side: str) -> None:
        gr.Info(import_file(self._services, who, path, side), title="Import", duration=8)


def import_file(services: Services, who: str, path: str | None, side: str) -> str:
    """
    Leave an uploaded file to a job; what will be done, in a sentence.

    :raises InputError: The file cannot be used.
    """
    if not path:
        raise InputError("Choose a file first.")
    seed = importing.read(Path(path))
    split: Split | None = "train" if side == "train" else "heldout" if side == "heldout" else None
    importing.leave(services, seed, Path(path).name, split, who=who)
    return f"{parts.count(len(seed.queries), 'question')} of {Path(path).name} will be taken in."


def _filter(status: str, side: str, search: str) -> Filter:
    sample = SAMPLED if status == SAMPLE else 0
    return Filter(STATUSES.get(status, "review"), SIDES.get(side), search or "", sample)
