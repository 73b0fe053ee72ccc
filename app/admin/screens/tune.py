"""Tune: make a better version from pairs, and watch the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app import queue
from app.actions import fine_tuning, methods, plans
from app.actions.methods import MethodChoice
from app.admin.html import jobs as jobs_html
from app.admin.html import parts, tune
from app.admin.screen import Screen, Updates, View, clickable, header
from app.admin.screens.improve import Panel
from app.admin.screens.tune_form import Form
from pipelines.errors import InputError
from pipelines.store import jobs, pairs, runs
from pipelines.store.db import Connection
from pipelines.store.ids import JobId, RunId
from pipelines.store.jobs import Job
from pipelines.store.pairs import SourceSides
from pipelines.store.runs import Run
from training.finetune.options import Method
from training.finetune.progress import Point, curves, last_step
from training.finetune.rundir import last_lines
from training.run import Folders

MOST_SHOWN = 30
LOG_LINES = 25
LOSS = {"loss": "loss"}
# A little above what there can be: a curve at 1.0 would lie on the frame.
SHARES = [0.0, 1.05]
# Fewer steps would be counted in halves.
FEWEST_STEPS = 10


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    header(
        "Tune",
        "Training teaches the embedding model your documents, from pairs of a question and the passage"
        " that answers it. A run makes a new version. It answers nobody until you promote it.",
    )
    _Tune(screen)


class _Tune:
    """Components and handlers of the screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        self.chosen = gr.State(None)
        self.offered = gr.State(None)  # what the choices hold: set again only when it changes
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.panel = Panel(self._screen, "improve-tune", outcome_id="improve-tune-outcome")
        with gr.Column(elem_classes="board"):
            self.data = gr.HTML(elem_id="tune-data")
            self.form = Form(self._services)
            with gr.Row(elem_classes="actions"):
                self.start = gr.Button(
                    "Start tuning", variant="primary", size="sm", elem_id="tune-start"
                )
                self.measure = gr.Button(
                    "Estimate on this machine", size="sm", elem_id="tune-estimate"
                )
            self.estimate = gr.HTML(elem_id="estimate")
        self.list = clickable("run-list")
        with gr.Column(visible=False, elem_classes="board") as self.run:
            self.details = gr.HTML(elem_id="run-details")
            with gr.Row(elem_classes="actions"):
                self.cancel = gr.Button("Stop", size="sm", elem_id="run-stop")
                self.resume = gr.Button("Resume", size="sm", elem_id="run-resume")
            with gr.Row(elem_id="curves"):
                self.loss = gr.LinePlot(
                    x="step", y="value", title="Loss on the training pairs", y_title="loss",
                    height=220, visible=False, min_width=280, elem_id="curve-loss", buttons=[],
                )  # fmt: skip
                self.heldout = gr.LinePlot(
                    x="step", y="value", color="figure", title="Retrieval on the validation questions",
                    y_title="share", height=220, visible=False, min_width=280, color_title=" ",
                    elem_id="curve-heldout", buttons=[],
                )  # fmt: skip
            with gr.Accordion("Log", open=False):
                self.log = gr.HTML(elem_id="run-log")

    def _connect(self) -> None:
        screen, form = self._screen, self.form
        view = [
            self.data, form.base, form.sources, form.method, form.means, self.offered, self.start,
            self.measure, self.estimate, self.list, self.run, self.details, self.cancel,
            self.resume, self.loss, self.heldout, self.log, *self.panel.outputs,
        ]  # fmt: skip
        screen.shows(self._look, [self.chosen, self.offered], view)
        self.panel.connect()
        screen.on(form.method.input, self._explain, [form.method], [form.means])
        screen.on(self.measure.click, self._estimate, form.inputs, [], then_look=True)
        screen.on(
            self.start.click, self._start, [form.name, form.auto, *form.inputs],
            [self.chosen, form.name], then_look=True,
        )  # fmt: skip
        screen.on(self.list.select, self._choose, [], [self.chosen], then_look=True)
        screen.on(self.cancel.click, self._stop, [self.chosen], [], then_look=True)
        screen.on(
            self.resume.click, self._resume, [self.chosen, form.auto], [self.chosen],
            then_look=True,
        )  # fmt: skip

    def _look(self, who: str, chosen: int | None, offered: Any) -> View:
        with self._services.pool.connection() as conn:
            sides = pairs.sides(conn)
            listed = plans.listed(conn)
            found = runs.list_all(conn)[:MOST_SHOWN]
            job_of = _jobs_of_runs(conn)
            probe = next(iter(jobs.recent(conn, limit=1, tasks=["probe"])), None)
            choice = self._choice(conn)
        names = {row.model.id: row.model.name for row in listed}
        run = next((one for one in found if one.id == chosen), found[0] if found else None)
        can_train = sum(side.train for side in sides) > 1
        probing = probe is not None and probe.status in jobs_html.OPEN
        updates: Updates = {
            self.data: tune.data(sides),
            self.start: gr.Button(interactive=can_train),
            self.measure: gr.Button(interactive=can_train and not probing),
            self.estimate: tune.estimate(probe),
            self.list: tune.run_list(found, job_of, names, run.id if run else None),
            self.run: gr.Column(visible=run is not None),
            **self._choices(sides, listed, choice, offered),
        }
        if run is not None:
            made = None if run.model_id is None else names.get(run.model_id)
            metrics = next((r.model.metrics for r in listed if r.model.id == run.model_id), {})
            updates |= self._run(run, job_of.get(run.id), made, metrics)
        busy = any(job.status in jobs_html.OPEN for job in job_of.values())
        improved, improving = self.panel.look()
        return View({**updates, **improved}, running=busy or probing or improving)

    def _choices(
        self,
        sides: Sequence[SourceSides],
        listed: Sequence[plans.VersionEntry],
        choice: MethodChoice | None,
        offered: Any,
    ) -> Updates:
        """What can be chosen in the form, if that has changed since it was offered."""
        sources = [(tune.side_label(side), side.generator) for side in sides if side.train]
        bases = [row.model.name for row in listed if row.model.kind != "openai"]
        recommended = choice.method if choice is not None else "adapter"
        if offered == [sources, bases, recommended]:
            return {}
        start = "base" if choice is None else choice.base
        return {
            self.form.sources: gr.CheckboxGroup(sources, value=[key for _, key in sources]),
            self.form.base: gr.Dropdown(bases, value=start if start in bases else bases[0]),
            self.form.method: recommended,
            self.form.means: tune.method_note(recommended, choice),
            self.offered: [sources, bases, recommended],
        }

    def _run(self, run: Run, job: Job | None, made: str | None, metrics: Any) -> Updates:
        """A run with its curves and the end of its log."""
        folder = Folders.under(self._services.settings.home).run(run.id)
        points = curves(folder.progress)
        loss = tune.curve(points, LOSS)
        heldout = tune.curve(points, tune.CURVES)
        is_open = job is not None and job.status in jobs_html.OPEN
        text = last_lines(folder.log, LOG_LINES)
        return {
            self.details: tune.run_details(run, job, made, metrics, last_step(folder.progress)),
            self.cancel: gr.Button(visible=is_open),
            self.resume: gr.Button(
                "Resume" if run.started_at else "Start",
                visible=not is_open and run.status in tune.RESUMED,
            ),
            self.loss: gr.LinePlot(loss, visible=loss is not None, x_lim=_steps(points)),
            self.heldout: gr.LinePlot(
                heldout, visible=heldout is not None, x_lim=_steps(points), y_lim=SHARES
            ),
            self.log: str(parts.log(text))
            if text
            else str(parts.note("The run has not printed anything yet.")),
        }

    def _choice(self, conn: Connection) -> MethodChoice | None:
        """
        The best method on a worker of this machine, or None if the serving version cannot be
        trained.
        """
        try:
            return methods.known(conn, methods.workers_machine(self._services))
        except InputError:
            return None

    def _explain(self, who: str, method: Method) -> str:
        with self._services.pool.connection() as conn:
            return tune.method_note(method, self._choice(conn))

    def _estimate(self, who: str, *form: Any) -> None:
        base, sources, options = self.form.options(*form)
        queue.defer(
            self._services, "probe", who=who, base=base, options=options.as_json(),
            generators=sources,
        )  # fmt: skip

    def _start(self, who: str, name: str | None, auto: bool, *form: Any) -> tuple[int, str]:
        base, sources, options = self.form.options(*form)
        found = fine_tuning.learned_from(self._services, generators=sources, seed=options.seed)
        run_id = fine_tuning.create(
            self._services, base, found, options, name=(name or "").strip(), who=who
        )
        queue.defer(self._services, "train", who=who, run_id=run_id, auto=bool(auto))
        return run_id, ""

    def _choose(self, who: str, event: gr.EventData) -> int:
        return int(event.pick)

    def _stop(self, who: str, chosen: int | None) -> None:
        with self._services.pool.connection() as conn:
            job = _jobs_of_runs(conn).get(_known(conn, chosen).id)
        if job is None:
            raise InputError("The run is not running.")
        queue.cancel(self._services, JobId(job.id))

    def _resume(self, who: str, chosen: int | None, auto: bool) -> int:
        with self._services.pool.connection() as conn:
            run = _known(conn, chosen)
        queue.defer(self._services, "train", who=who, run_id=run.id, auto=bool(auto))
        return run.id


def _steps(points: Sequence[Point]) -> list[float]:
    """The range of the steps on show."""
    return [0, max([FEWEST_STEPS, *(point.step for point in points)])]


def _known(conn: Connection, chosen: int | None) -> Run:
    """The run that was chosen, else the newest."""
    run = runs.get(conn, RunId(chosen or 0)) or next(iter(runs.list_all(conn)), None)
    if run is None:
        raise InputError("There is no run yet.")
    return run


def _jobs_of_runs(conn: Connection) -> dict[int, Job]:
    """The newest job of each run."""
    found: dict[int, Job] = {}
    for job in jobs.recent(conn, limit=2 * MOST_SHOWN, tasks=["train"]):
        found.setdefault(int(job.args.get("run_id", 0)), job)
    return found
