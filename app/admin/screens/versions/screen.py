"""Versions: what there is, what speaks for each, and the steps that can be taken with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app import queue
from app.actions import plans, version_status, versions
from app.actions.counts import Count, Counts
from app.actions.plans import PromotionPlan
from app.actions.version_status import Status
from app.admin.html import jobs as jobs_html
from app.admin.html import parts, words
from app.admin.html import versions as versions_html
from app.admin.screen import Screen, Updates, View, clickable, header
from app.admin.screens.versions.confirm import Confirm, Pending, looked_at, serving
from app.admin.screens.versions.files import VersionFiles
from app.admin.screens.versions.shadow import ShadowBox
from pipelines.embedder import registry
from pipelines.errors import InputError
from pipelines.store import active, jobs, models, pairs
from pipelines.store.db import Connection
from pipelines.store.jobs import Job

# Jobs that work on a version, and all those that change how much of the documents one covers.
TASKS = ("build", "promote", "evaluate")
WRITING = ("build", "promote", "ingest", "improve")
AUDITS = 30
HELP = (
    "A version is an embedding model with its vectors of all documents. One version serves: it"
    " answers everybody's questions. Promoting another one takes a second; people can ask meanwhile."
)


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    header("Versions", HELP)
    _Versions(screen)


class _Versions:
    """Components and handlers of the screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        self._counts = Counts()
        self.chosen = gr.State(None)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        with gr.Row(elem_classes="actions serving-row"):
            self.serving = gr.HTML(parts.LOADING, elem_id="serving", min_width=260)
            self.back = gr.Button("Roll back", size="sm", visible=False, elem_id="roll-back")
        self.confirm = Confirm(self._screen, self.chosen)
        with gr.Row(elem_classes="sides"):
            with gr.Column(scale=3, min_width=340):
                self.list = clickable("version-list", value=parts.LOADING)
                self.audit = gr.HTML(elem_id="audit")
            with gr.Column(scale=2, min_width=320):
                with gr.Column(elem_classes="board"):
                    self._lay_out_steps()
                self.shadow = ShadowBox(self._screen, self.chosen)
                self.files = VersionFiles(self._screen, self.chosen)

    def _lay_out_steps(self) -> None:
        self.head = gr.HTML(parts.LOADING, elem_id="version-head")
        with gr.Row(elem_classes="actions", elem_id="version-actions") as self.steps:
            self.promote = gr.Button("Promote", variant="primary", size="sm", elem_id="promote")
            self.evaluate = gr.Button("Compare", size="sm", elem_id="evaluate")
            self.override = gr.Button("Promote anyway", size="sm", elem_id="override")
            self.build = gr.Button("Build only", size="sm", elem_id="build")
            self.prepare = gr.Button("Load on servers", size="sm", elem_id="prepare")
            self.release = gr.Button("Unload", size="sm", elem_id="release")
        self.details = gr.HTML(elem_id="version-details")

    def _connect(self) -> None:
        screen, chosen = self._screen, [self.chosen]
        view = [
            self.list, self.serving, self.back, self.audit, *self.confirm.outputs, self.head,
            self.details, self.steps, self.promote, self.evaluate, self.override, self.build,
            self.prepare, self.release, *self.shadow.outputs, self.files.delete,
        ]  # fmt: skip
        screen.shows(self._look, [self.chosen, self.confirm.pending], view)
        left = [self.confirm.pending, self.files.file, self.files.pushed]
        screen.on(self.list.select, self._choose, [], [self.chosen, *left], then_look=True)
        self.confirm.connect(
            promote=self.promote, override=self.override, back=self.back, delete=self.files.delete
        )
        for button, function in (
            (self.evaluate, self._evaluate),
            (self.build, self._build),
            (self.prepare, self._prepare),
            (self.release, self._release),
        ):
            screen.on(button.click, function, chosen, [], then_look=True)
        self.shadow.connect()
        self.files.connect()

    def _look(self, who: str, chosen: str | None, pending: Pending | None) -> View:
        with self._services.pool.connection() as conn:
            rows = plans.listed(conn)
            open_jobs = jobs.recent(
                conn, limit=20, tasks=[*TASKS, *WRITING], statuses=jobs_html.OPEN
            )
            job_of = {
                name: job for job in open_jobs if job.task in TASKS for name in _names_of(job)
            }
            name = _known(chosen, rows)
            busy = any(job.task in WRITING for job in open_jobs)
            updates: Updates = {
                self.list: versions_html.version_list(rows, name, job_of),
                self.audit: versions_html.audit(active.audits(conn, limit=AUDITS)),
                **self._serving(conn, rows),
                **self.confirm.show(pending),
                **self._of(conn, name, job_of.get(name), self._counts.reader(busy=busy)),
            }
        return View(updates, running=bool(job_of))

    def _serving(self, conn: Connection, rows: Sequence[plans.VersionEntry]) -> Updates:
        """What serves, and the button back to what served before."""
        pointer = active.get(conn)
        assert pointer is not None, "a version serves from the first start on"
        current, previous = (
            next((row.model.name for row in rows if row.state == state), None)
            for state in ("serving", "previous")
        )
        left = versions.left(conn)
        said = versions_html.serving(
            current or "", pointer.epoch, pointer.changed_at, previous, left
        )
        words = f"{'Return' if left else 'Roll back'} to {previous}"
        return {self.serving: said, self.back: gr.Button(words, visible=previous is not None)}

    def _of(self, conn: Connection, name: str, job: Job | None, count: Count) -> Updates:
        """What belongs to the version that is looked at."""
        model = registry.find(conn, name)
        status = version_status.status(conn, name, count)
        plan = plans.promotion(conn, model, status, count)
        parent = None if model.parent_id is None else models.get(conn, model.parent_id)
        kept = registry.why_kept(conn, model)
        report = versions.shadow_report(conn, name) if status.state == "ready" else None
        return {
            self.head: versions_html.head(name, status, plan, job),
            self.details: versions_html.details(
                model, parent.name if parent else None, status, plan, job, kept
            ),
            self.files.delete: gr.Button(f"Delete {name}", visible=kept is None and job is None),
            **self._steps(name, status, plan, idle=job is None),
            **self.shadow.show(report),
        }

    def _steps(self, name: str, status: Status, plan: PromotionPlan, *, idle: bool) -> Updates:
        """The buttons of what can be done with a version now."""
        advice, state = plan.verdict.advice, status.state
        return {
            self.steps: gr.Row(visible=state != "serving"),
            self.promote: gr.Button(
                f"Promote {name}", visible=advice in ("promote", "serves"), interactive=idle
            ),
            self.evaluate: gr.Button(
                f"Compare with {plan.serving}",
                visible=advice in ("compare", "wait"),
                variant="primary" if advice == "compare" else "secondary",
                interactive=idle,
            ),
            self.override: gr.Button(
                visible=advice in ("compare", "wait", "leave"), interactive=idle
            ),
            self.build: gr.Button(
                visible=state in ("not built", "failed", "building"), interactive=idle
            ),
            self.prepare: gr.Button(
                visible=state in ("ready", "previous") and plan.unloaded > 0, interactive=idle
            ),
            self.release: gr.Button(
                visible=state == "ready" and status.loaded_by > 0, interactive=idle
            ),
        }

    def _choose(self, who: str, event: gr.EventData) -> tuple[Any, ...]:
        return str(event.pick), None, gr.DownloadButton(visible=False), ""

    def _evaluate(self, who: str, chosen: str | None) -> None:
        with self._services.pool.connection() as conn:
            names = [serving(conn).name, looked_at(conn, chosen)]
            if not any(side.heldout for side in pairs.sides(conn)):
                raise InputError(
                    "Comparing needs held-out pairs. Make pairs on the Pairs tab first."
                )
        queue.defer(self._services, "evaluate", who=who, dataset=pairs.CORPUS, models=names)

    def _build(self, who: str, chosen: str | None) -> None:
        queue.defer(self._services, "build", who=who, name=self._name(chosen))

    def _prepare(self, who: str, chosen: str | None) -> None:
        name = self._name(chosen)
        servers = versions.prepare(self._services, name)
        gr.Info(f"{words.count(servers, 'server')} loaded {name}.", duration=4)

    def _release(self, who: str, chosen: str | None) -> None:
        versions.release(self._services, self._name(chosen))

    def _name(self, chosen: str | None) -> str:
        with self._services.pool.connection() as conn:
            return looked_at(conn, chosen)


def _known(chosen: str | None, rows: Sequence[plans.VersionEntry]) -> str:
    """The chosen version if it still exists, else the newest one."""
    if chosen in {row.model.name for row in rows}:
        return str(chosen)
    return max(rows, key=lambda row: row.model.id).model.name


def _names_of(job: Job) -> list[str]:
    """The versions that a job works on."""
    if job.task == "evaluate":
        return [str(name) for name in job.args.get("models", [])[1:]]
    return [str(job.args.get("name"))]
