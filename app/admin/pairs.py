"""Pairs: questions with their passages, made, brought along, reviewed, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import importing, queue
from app.admin import estimates, parts, work
from app.admin.screen import Screen, Updates, View, header
from app.wiring import Services, llm_options
from pipelines.errors import InputError
from pipelines.store import jobs, review
from pipelines.store.jobs import Job
from pipelines.store.pairs import Split, Status
from pipelines.store.review import Count, Filter, Place, Step
from training import collect, teach

STATUSES: dict[str, Status] = {"Waiting": "review", "Accepted": "accepted", "Rejected": "rejected"}
SIDES: dict[str, Split | None] = {"Both sides": None, "To train on": "train", "Held out": "heldout"}
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
            "Questions with the passage that answers each. The retriever learns from one side; the"
            " other is held out, never learned from, to judge whether it got better.",
        )
        self.counts = gr.HTML(elem_id="pairs-counts")
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
                list(STATUSES), value="Waiting", label="Status", show_label=False,
                container=False, elem_classes="filter", elem_id="pairs-status", scale=2, min_width=240,
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
        with gr.Group(elem_classes="card-group", elem_id="pair"):
            self.facts = gr.HTML(elem_id="pair-facts")
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
            label="Start anew: pairs of this kind that nobody reviewed go first",
            elem_id="pairs-again",
        )
        self.estimate = gr.HTML(elem_id="pairs-estimate")
        self.generate = gr.Button("Make pairs", variant="primary", elem_id="pairs-generate")

    def _lay_out_files(self) -> None:
        gr.Markdown("### Bring pairs, or take them along", elem_classes="part")
        with gr.Row():
            self.file = gr.File(
                label="JSON of queries, corpus and relevant_docs, or CSV of question and passage",
                show_label=False, file_types=[".json", ".csv"], height=84, elem_id="pairs-file",
            )  # fmt: skip
        gr.Markdown(
            "JSON with `queries`, `corpus` and `relevant_docs`, or CSV with the columns `question`"
            " and `passage`. A broken file is refused whole.",
            elem_classes="aside",
        )
        with gr.Row(elem_classes="actions"):
            self.file_side = gr.Dropdown(
                [("A part is held out", ""), ("All to train on", "train"), ("All held out", "heldout")],
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
                    ' <a href="/admin/pairs.json?side=heldout" download>held out</a>'
                ),
            )
        )

    def _connect(self, screen: Screen) -> None:
        self._card = [self.at, self.facts, self.question, self.passage, self.accept, self.reject]
        chosen = [self.status, self.side, self.search]
        making = [self.source, self.per_passage, self.limit, self.again]
        shown = [
            self.counts, self.quality, self.under_way, self.imported, self.estimate, *self._card,
        ]  # fmt: skip
        screen.shows(self._look, [*chosen, self.at, self.source], shown)
        changed = [self.status.change, self.side.change, self.search.change]
        screen.on(changed, self._first, chosen, self._card)
        screen.on(self.after.click, self._next, [*chosen, self.at], self._card)
        screen.on(self.before.click, self._previous, [*chosen, self.at], self._card)
        decided = [*chosen, self.at, self.question]
        screen.on(
            [self.accept.click, self.question.submit], self._accept, decided,
            [*self._card, self.counts],
        )  # fmt: skip
        screen.on(self.reject.click, self._reject, decided, [*self._card, self.counts])
        asked = [self.source.change, self.per_passage.release, self.limit.change, self.again.change]
        screen.on(asked, self._estimate, making, [self.estimate])
        screen.on(self.generate.click, self._generate, making, [], then_look=True)
        screen.on(
            self.take.click, self._import, [self.file, self.file_side], [self.file],
            then_look=True, show_progress="minimal",
        )  # fmt: skip

    def _look(self, _: str, status: str, side: str, search: str, at: int, source: str) -> View:
        wanted = _filter(status, side, search)
        with self._pool.connection() as conn:
            found = review.counts(conn)
            place = review.look(conn, wanted, at)
            running = jobs.recent(conn, limit=5, tasks=MAKING, statuses=work.OPEN)
            last = next(iter(jobs.recent(conn, limit=1, tasks=["import_pairs"])), None)
        updates: Updates = {
            self.counts: _counts(found),
            self.quality: _quality(found),
            self.under_way: Markup("").join(_progress(job) for job in running),
            self.imported: _imported(last),
            self.estimate: gr.skip(),
        }
        if place is None or place.pair.id != at:  # what is being edited stays as it is
            updates |= dict(zip(self._card, self._shown(place, wanted), strict=True))
        if not at:
            updates[self.estimate] = estimates.render(self._services, source)
        return View(updates, running=bool(running))

    def _shown(self, place: Place | None, wanted: Filter) -> list[Any]:
        """Updates of the card."""
        if place is None:
            return [
                0, _nothing(wanted), gr.Textbox("", visible=False), "",
                gr.Button(interactive=False), gr.Button(interactive=False),
            ]  # fmt: skip
        pair = place.pair
        return [
            pair.id, _facts(place), gr.Textbox(pair.question, visible=True), _passage(place),
            gr.Button(interactive=True), gr.Button(interactive=pair.status != "rejected"),
        ]  # fmt: skip

    def _show(self, wanted: Filter, at: int, step: Step) -> list[Any]:
        with self._pool.connection() as conn:
            return self._shown(review.look(conn, wanted, at, step), wanted)

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
            step: Step = "next" if status == wanted.status else "here"
            place = review.look(conn, wanted, at, step)
            return [*self._shown(place, wanted), _counts(review.counts(conn))]

    def _estimate(self, _: str, source: str, per_passage: int, limit: int, again: bool) -> Markup:
        return estimates.render(
            self._services, source, per_passage=int(per_passage or 0), limit=int(limit or 1),
            again=again,
        )  # fmt: skip

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
    return Filter(STATUSES.get(status, "review"), SIDES.get(side), search or "")


def _counts(found: Sequence[Count]) -> Markup:
    total: Counter[str] = Counter()
    for one in found:
        total[one.split if one.status == "accepted" else one.status] += one.pairs
    accepted = total["train"] + total["heldout"]
    cards = parts.cards(
        [
            ("To train on", f"{total['train']:,}", "the retriever learns from these"),
            ("Held out", f"{total['heldout']:,}", "never learned from; to judge on"),
            ("Waiting for review", f"{total['review']:,}", "not used until accepted"),
            ("Rejected", f"{total['rejected']:,}", "kept, so that they do not come again"),
        ]
    )
    if not accepted:
        return cards
    share = 100 * total["train"] / accepted
    return cards + Markup(
        '<div class="split" role="img" aria-label="{}"><i style="width:{:.1f}%"></i></div>'
        '<div class="split-words"><span>{:.0f}% to train on</span><span>{:.0f}% held out</span></div>'
    ).format(f"{share:.0f}% to train on", share, share, 100 - share)


def _quality(found: Sequence[Count]) -> Markup:
    if not found:
        return parts.empty("Nothing was made yet", "Counts by source, side and reason appear here.")
    rows = [
        (
            one.generator, one.kind, {"train": "to train on", "heldout": "held out"}[one.split],
            parts.pill({"review": "waits"}.get(one.status, one.status), parts.TONES[one.status]),
            one.reason, f"{one.pairs:,}",
        )
        for one in found
    ]  # fmt: skip
    headers = ["Source", "Made from", "Side", "Status", "Why", "Pairs"]
    return parts.table(headers, rows, numbers=[5])


def _progress(job: Job) -> Markup:
    making = "Making pairs" if job.task == "generate" else work.title(job)
    counted = "passages" if job.task == "generate" else "windows"
    if job.status == "todo":
        return parts.bar(0, 1, f"{making}: waiting for a worker")
    left = f", {parts.seconds(job.eta_s)} left" if job.eta_s else ""
    words = f": {job.done:,} of {job.total:,} {counted}{left}" if job.total else ""
    return parts.bar(job.done, job.total, f"{making}{words}")


def _imported(job: Job | None) -> Markup:
    """What became of the file that was imported last."""
    if job is None or job.status in work.OPEN:
        return Markup("")
    told = (
        f"{job.args.get('name')}: {job.fault or work.outcome(job) or 'the import was cancelled.'}"
    )
    return parts.note(told, "good" if job.status == "succeeded" else "bad")


def _nothing(wanted: Filter) -> Markup:
    if wanted.search or wanted.split:
        return parts.empty("No pair fits", "Change the search or the side above.")
    told = {
        "review": ("Nothing waits for review", "Pairs from liked answers wait here, and those from documents that give orders to language models."),
        "accepted": ("No pair was accepted yet", "Make some from the documents, or bring a file."),
        "rejected": ("No pair was rejected", "What the checks or a person turn down is kept here."),
    }  # fmt: skip
    return parts.empty(*told[wanted.status])


def _facts(place: Place) -> Markup:
    pair = place.pair
    side = "to train on" if pair.split == "train" else "held out"
    found = [
        pair.document,
        pair.section.split(" > ")[-1],
        f"from {pair.generator}",
        f"ranked {pair.base_rank} by the version that served" if pair.base_rank else "",
    ]
    why = parts.note(pair.reason, "warn") if pair.reason else ""
    return Markup(
        '<div class="pair-head"><span>{:,} of {:,}</span>{}{}</div><div class="aside">{}</div>{}'
    ).format(
        place.number,
        place.total,
        parts.pill({"review": "waits"}.get(pair.status, pair.status), parts.TONES[pair.status]),
        parts.pill(side, "quiet"),
        " · ".join(filter(None, found)),
        why,
    )


def _passage(place: Place) -> Markup:
    return Markup('<div class="passage-text" tabindex="0" aria-label="Passage">{}</div>').format(
        place.pair.passage
    )
