"""Compare: versions side by side on held-out questions, and on any question of one's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from app import queue
from app.actions import plans
from app.actions.tryout import askable
from app.admin.handout import Handout
from app.admin.html import compare as html
from app.admin.html import figures, parts
from app.admin.html import jobs as jobs_html
from app.admin.screen import Screen, Updates, View, clickable, header
from app.admin.screens.compare.questions import QuestionList
from app.admin.screens.compare.tryout import TryIt
from pipelines.errors import InputError
from pipelines.store import evaluations, jobs, pairs
from pipelines.store.db import Connection
from pipelines.store.evaluations import Evaluation
from pipelines.store.ids import EvaluationId, JobId
from pipelines.store.jobs import Job
from training.evaluation import evidence
from training.evaluation.candidates import identity
from training.evaluation.figures import stored_report
from training.finetune.card import SHOWN, label

OPENAI = ("openai:text-embedding-3-small", "openai:text-embedding-3-large")
MOST_SHOWN = 30
MOST_COMPARED = 6
HELP = (
    "Versions answer the same held-out questions, which no version was trained on. The verdict says"
    " whether one is better by more than chance, and what to do next."
)


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    header("Compare", HELP)
    _Compare(screen)


class _Compare:
    """Components and handlers of the screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        self._handout = Handout()
        self.chosen = gr.State(None)
        self.shown = gr.State(None)  # the evaluation whose details the page shows
        self.offered = gr.State(None)  # the names that the choices hold
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        with gr.Column(visible=False, elem_id="results") as self.results:
            self.verdicts = gr.HTML(elem_id="verdicts")
            with gr.Accordion(
                "All figures, chart and report", open=False, elem_classes="folded", elem_id="more"
            ):
                self._lay_out_figures()
            with gr.Accordion(
                "Question by question", open=False, elem_classes="folded", elem_id="by-question"
            ):
                self.questions = QuestionList(self._screen, self.shown)
        with gr.Column(elem_classes="board"):
            self._lay_out_form()
        self.list = clickable("evaluation-list", value=parts.LOADING)
        self.tryout = TryIt(self._screen)

    def _lay_out_form(self) -> None:
        with gr.Row():
            self.reference = gr.Dropdown(
                [], label="Reference", info="The version that the others are compared with.",
                elem_id="reference", min_width=200, scale=1,
            )  # fmt: skip
            self.candidates = gr.Dropdown(
                [], label="Candidates", multiselect=True, max_choices=MOST_COMPARED,
                info="Versions, and OpenAI's models if an API key is set (paid per token).",
                elem_id="candidates", min_width=260, scale=2,
            )  # fmt: skip
        with gr.Row(elem_classes="actions"):
            self.start = gr.Button("Compare", variant="primary", size="sm", elem_id="compare")
            self.cancel = gr.Button("Cancel", size="sm", visible=False)
            self.data = gr.HTML(elem_id="compare-data", min_width=240)
        self.progress = gr.HTML(elem_id="compare-progress")

    def _lay_out_figures(self) -> None:
        with gr.Row(elem_classes="actions"):
            self.html = gr.DownloadButton("Report (HTML)", size="sm", elem_id="report-html")
            self.json = gr.DownloadButton("Report (JSON)", size="sm", elem_id="report-json")
        self.measure = gr.Radio(
            [(label(name), name) for name in SHOWN], value="mrr@10", label="Figure in the chart",
            elem_classes="filter", elem_id="measure",
        )  # fmt: skip
        self.chart = gr.HTML(elem_id="chart")
        self.summary = gr.HTML(elem_id="summary")

    def _connect(self) -> None:
        screen = self._screen
        content = [
            self.results, self.html, self.json, self.summary, self.chart, self.shown,
            *self.questions.outputs,
        ]  # fmt: skip
        frame = [
            self.verdicts, self.reference, self.candidates, self.offered, self.data, self.start,
            self.cancel, self.progress, self.list, *self.tryout.outputs,
        ]  # fmt: skip
        screen.shows(
            self._look, [self.chosen, self.shown, self.offered, self.measure], [*frame, *content]
        )
        screen.on(
            self.list.select, self._choose, [], [self.chosen], then_look=True,
            js="(...given) => { window.attuneShow('results'); return given; }",
        )  # fmt: skip
        screen.on(
            self.start.click, self._start, [self.reference, self.candidates], [self.chosen],
            then_look=True,
        )  # fmt: skip
        screen.on(self.cancel.click, self._cancel, [], [], then_look=True)
        screen.on(self.measure.input, self._draw, [self.shown, self.measure], [self.chart])
        self.questions.connect()
        self.tryout.connect()

    def _look(
        self, who: str, chosen: int | None, shown: int | None, offered: Any, measure: str
    ) -> View:
        with self._services.pool.connection() as conn:
            found = evaluations.list_all(conn, limit=MOST_SHOWN)
            listed = plans.listed(conn)
            built = askable(conn)
            job, ended = _running(conn), _ended_badly(conn)
            heldout = sum(side.heldout for side in pairs.sides(conn))
            one = next((e for e in found if e.id == chosen), found[0] if found else None)
            verdicts = "" if one is None else html.verdicts(one, _known(conn, one, listed))
        names = [row.model.name for row in listed]
        updates: Updates = {
            self.verdicts: verdicts,
            self.data: str(parts.quiet(html.data(heldout, found))),
            self.start: gr.Button(
                interactive=heldout > 0, variant="secondary" if found else "primary"
            ),
            self.cancel: gr.Button(visible=job is not None and not job.stopping),
            self.progress: html.progress(job) if job else html.ended(ended) if ended else "",
            self.list: html.evaluation_list(found, one.id if one else None)
            if found
            else html.nothing(heldout, len(names)),
        }
        if offered != [names, built]:
            updates |= self._choices(names, built)
        if one is None:
            updates[self.results] = gr.Column(visible=False)
        elif one.id != shown:
            updates |= self._content(one, measure)
        return View(updates, running=job is not None)

    def _choices(self, names: list[str], built: list[str]) -> Updates:
        """
        What can be compared and asked. At first the serving version and the newest other are
        chosen.
        """
        settings = self._services.settings
        has_key = bool(settings.openai_api_key.get_secret_value() or settings.openai_base_url)
        everything = [*names, *(OPENAI if has_key else ())]
        serving = built[0] if built else None
        newest = next((name for name in reversed(names) if name != serving), None)
        return {
            self.reference: gr.Dropdown(everything, value=serving),
            self.candidates: gr.Dropdown(everything, value=[newest] if newest else []),
            self.offered: [names, built],
            **self.tryout.offer(built, [name for name in names if name not in built]),
        }

    def _content(self, one: Evaluation, measure: str) -> Updates:
        """All that is shown of an evaluation below its verdict."""
        return {
            self.results: gr.Column(visible=True),
            **self._reports(one),
            self.summary: html.details(one),
            self.chart: figures.bars(one.figures, measure),
            self.shown: one.id,
            **self.questions.show(one),
        }

    def _reports(self, one: Evaluation) -> Updates:
        """The two files to download."""
        report = self._services.settings.home / "evaluations" / str(one.id) / "report.html"
        with self._services.pool.connection() as conn:
            value = stored_report.stored(conn, one)
        text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
        copy = self._handout.copy(report, f"comparison-{one.id}.html") if report.is_file() else None
        made = self._handout.make(
            f"comparison-{one.id}.json", lambda path: path.write_text(text, "utf-8")
        )
        return {
            self.html: gr.DownloadButton(value=copy, visible=copy is not None),
            self.json: gr.DownloadButton(value=made),
        }

    def _choose(self, who: str, event: gr.EventData) -> int:
        return int(event.pick)

    def _start(self, who: str, reference: str | None, candidates: list[str] | None) -> None:
        """
        Queue the comparison. The page shows it when it is done, because it is the newest then.
        """
        if not reference:
            raise InputError("Choose a reference first.")
        names = [reference, *(name for name in candidates or [] if name != reference)]
        queue.defer(self._services, "evaluate", who=who, dataset=pairs.CORPUS, models=names)

    def _cancel(self, who: str) -> None:
        with self._services.pool.connection() as conn:
            job = _running(conn)
        if job is not None:
            queue.cancel(self._services, JobId(job.id))

    def _draw(self, who: str, shown: int | None, measure: str) -> str:
        with self._services.pool.connection() as conn:
            one = evaluations.get(conn, EvaluationId(shown or 0))
        return "" if one is None else figures.bars(one.figures, measure)


def _known(conn: Connection, one: Evaluation, listed: Sequence[plans.VersionEntry]) -> html.Known:
    """What the verdicts of an evaluation depend on beyond itself."""
    reference, *candidates = (facts["identity"] for facts in one.figures["models"])
    newest = {name: evaluations.latest_of(conn, name, reference) for name in candidates}
    return html.Known(
        serving=next(row.model for row in listed if row.state == "serving"),
        versions={identity(row.model): row.model.name for row in listed},
        outdated=frozenset(name for name, e in newest.items() if e is not None and e.id != one.id),
        decided={name: evidence.verdict(conn, name, reference) for name in candidates},
    )


def _running(conn: Connection) -> Job | None:
    """The comparison that runs, else one that waits."""
    found = jobs.recent(conn, limit=5, tasks=["evaluate"], statuses=jobs_html.OPEN)
    return next((job for job in found if job.status == "doing"), found[0] if found else None)


def _ended_badly(conn: Connection) -> Job | None:
    """The newest comparison, if it failed or was cancelled."""
    newest = next(iter(jobs.recent(conn, limit=1, tasks=["evaluate"])), None)
    bad = newest is not None and newest.status in ("failed", "cancelled", "aborted")
    return newest if bad else None
