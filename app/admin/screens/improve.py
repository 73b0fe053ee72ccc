"""The button "Improve the search": what it will do, how far it is, and what came of it."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from app import queue
from app.actions import methods
from app.actions.improve import plan, schedule
from app.actions.improve.plan import Plan
from app.actions.improve.schedule import State
from app.admin.html import jobs as jobs_html
from app.admin.html import parts, pieces
from app.admin.screen import Screen, Updates
from app.services import Services
from pipelines.errors import ConflictError, InputError
from pipelines.store import improvements, jobs
from pipelines.store.improvements import Improvement
from pipelines.store.jobs import Job

TONES: dict[str, parts.Tone] = {
    "promoted": "good",
    "kept": "quiet",
    "nothing": "warn",
    "failed": "bad",
    "stopped": "quiet",
}
TIMES = {"off": "Off", "weekly": "Every week", "votes:20": "After 20 new votes"}


class Panel:
    """The button with its plan and outcome, on a screen that looks again by itself."""

    def __init__(self, screen: Screen, elem_id: str, *, outcome_id: str) -> None:
        self._services = screen.services
        with gr.Column(elem_classes="board improve"):
            self.said = gr.HTML(elem_id=outcome_id)
            with gr.Row(elem_classes="actions"):
                self.start = gr.Button("Improve the search", size="sm", elem_id=elem_id)
                self.stop = gr.Button("Stop", size="sm", visible=False, elem_id=f"{elem_id}-stop")
            self.plan = gr.HTML(elem_id=f"{elem_id}-plan")
        self._screen = screen

    @property
    def outputs(self) -> list[Any]:
        """What `look` updates."""
        return [self.said, self.start, self.stop, self.plan]

    def look(self) -> tuple[Updates, bool]:
        """The updates, and whether it is under way."""
        with self._services.pool.connection() as conn:
            job = next(iter(jobs.recent(conn, limit=1, tasks=["improve"])), None)
            last = improvements.latest(conn)
        found = _plan_of(self._services)
        is_open = job is not None and job.status in jobs_html.OPEN
        stopping = job is not None and job.stopping
        ready = isinstance(found, Plan) and found.own > 0
        updates = {
            self.said: str(_said(job, last)),
            self.start: gr.Button(
                "Go on improving the search" if _goes_on(found) else "Improve the search",
                interactive=not is_open,
                variant="primary" if ready else "secondary",
            ),
            self.stop: gr.Button(visible=is_open, interactive=not stopping),
            self.plan: "" if is_open else str(_shown(found)),
        }
        return updates, is_open

    def connect(self) -> None:
        """Let the buttons act; the screen must know by then how it looks."""
        self._screen.on(self.start.click, self._start, [], [], then_look=True)
        self._screen.on(self.stop.click, self._stop, [], [], then_look=True)

    def _start(self, who: str) -> None:
        with self._services.pool.connection() as conn:
            if _open_job(jobs.recent(conn, limit=1, tasks=["improve"])) is not None:
                raise ConflictError("The search is being improved already.")
        queue.defer(self._services, "improve", who=who)

    def _stop(self, who: str) -> None:
        with self._services.pool.connection() as conn:
            job = _open_job(jobs.recent(conn, limit=1, tasks=["improve"]))
        if job is None:
            raise InputError("Nothing is under way.")
        queue.cancel(self._services, job.id)


class Times:
    """When the search is improved without being asked."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        with gr.Accordion("Schedule", open=False, elem_classes="folded"):
            self.every = gr.Radio(
                [(label, key) for key, label in TIMES.items()], value="off",
                label="Improve the search without being asked", elem_id="improve-schedule",
                info="A worker does it, only when something new came in.",
            )  # fmt: skip
            self.said = gr.HTML(elem_id="improve-schedule-state")

    @property
    def outputs(self) -> list[Any]:
        """What `look` updates."""
        return [self.every, self.said]

    def look(self) -> Updates:
        """The schedule as it stands."""
        with self._services.pool.connection() as conn:
            found = schedule.state(conn)
        chosen = schedule.show(found.schedule)
        choices = [(label, key) for key, label in TIMES.items()]
        if chosen not in TIMES:
            choices.append((f"After {found.schedule.votes:,} new votes", chosen))
        return {
            self.every: gr.Radio(choices, value=chosen),
            self.said: str(pieces.quiet(_schedule_words(found))),
        }

    def connect(self) -> None:
        """Let a choice take effect."""
        self._screen.on(self.every.input, self._set, [self.every], [], then_look=True)

    def _set(self, who: str, text: str) -> None:
        every, votes = schedule.parse(text)
        with self._services.pool.connection() as conn:
            schedule.change(conn, every, votes, who=who)


def _plan_of(services: Services) -> Plan | str:
    """The plan, or what stands in its way."""
    try:
        return plan.make(services, methods.workers_machine(services))
    except InputError as error:
        return str(error)


def _goes_on(found: Plan | str) -> bool:
    return isinstance(found, Plan) and found.unfinished is not None


def _open_job(found: list[Job]) -> Job | None:
    return next((job for job in found if job.status in jobs_html.OPEN), None)


def _said(job: Job | None, last: Improvement | None) -> Markup:
    """How far it is, else what came of the last one."""
    if job is not None and job.status == "doing":
        return jobs_html.progress_bar(job)
    if job is not None and job.status == "todo":
        return parts.note(f"It {jobs_html.state(job)}.", "busy")
    if job is not None and job.status == "failed" and (last is None or last.ended_at is None):
        return parts.note(job.fault or "It failed.", "bad")
    if last is None:
        return Markup("")
    if last.ended_at is None:
        return parts.note("It was stopped. What is done stays: it goes on from there.", "warn")
    return parts.note(
        Markup("{} {} {}").format(last.sentence, _links(last), parts.when(last.ended_at)),
        TONES[last.outcome or "stopped"],
    )


def _links(last: Improvement) -> Markup:
    """Where to look at what came of it."""
    links = []
    if last.version is not None:
        links.append(parts.link(f"See {last.version}", "versions"))
    if last.evaluation_id is not None:
        links.append(parts.link("See the comparison", "compare"))
    if last.outcome == "nothing":
        links.append(parts.link("Add documents", "documents"))
    return Markup(" ").join(links)


def _shown(found: Plan | str) -> Markup:
    if isinstance(found, str):
        return parts.note(found, "warn")
    if not found.own:
        return pieces.quiet(
            Markup("It learns from documents of your own. {}").format(
                parts.link("Add documents", "documents")
            )
        )
    rows = [
        (step.name, step.means, f"about {parts.seconds(step.seconds)}" if step.seconds else "")
        for step in found.steps
    ]
    return Markup("<details><summary>{}</summary>{}</details>").format(
        f"What it does: {found.sentence} all together. {found.choice.sentence()}",
        pieces.steps(rows),
    )


def _schedule_words(found: State) -> str:
    if found.schedule.every == "off" or found.last is None:
        return found.sentence
    return f"{found.sentence} The last one: {found.last.sentence or 'not ended yet.'}"
