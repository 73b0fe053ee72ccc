"""The button "Improve the search": what it will do, how far it is, and what came of it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import queue
from app.actions import methods
from app.actions.improve import plan, schedule
from app.actions.improve.plan import ImprovementPlan
from app.admin.html import improve as html
from app.admin.html import jobs as jobs_html
from app.admin.html import parts
from app.admin.screen import Screen, Updates
from app.services import Services
from pipelines.errors import ConflictError, InputError
from pipelines.store import improvements, jobs
from pipelines.store.jobs import Job

TIMES = {"off": "Off", "weekly": "Every week", "votes:20": "After 20 new votes"}


class Panel:
    """The button with its plan and outcome."""

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
        """The updates, and whether the search is being improved now."""
        with self._services.pool.connection() as conn:
            job = next(iter(jobs.recent(conn, limit=1, tasks=["improve"])), None)
            last = improvements.latest(conn)
        found = _plan_of(self._services)
        is_open = job is not None and job.status in jobs_html.OPEN
        stopping = job is not None and job.stopping
        ready = isinstance(found, ImprovementPlan) and found.own > 0
        updates = {
            self.said: str(html.outcome(job, last)),
            self.start: gr.Button(
                "Continue improving the search" if _goes_on(found) else "Improve the search",
                interactive=not is_open,
                variant="primary" if ready else "secondary",
            ),
            self.stop: gr.Button(visible=is_open, interactive=not stopping),
            self.plan: "" if is_open else str(html.plan(found)),
        }
        return updates, is_open

    def connect(self) -> None:
        """Let the buttons act. Call it after `Screen.shows`."""
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
            raise InputError("The search is not being improved now.")
        queue.cancel(self._services, job.id)


class Times:
    """When the search is improved automatically."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        with gr.Accordion("Schedule", open=False, elem_classes="folded"):
            self.every = gr.Radio(
                [(label, key) for key, label in TIMES.items()], value="off",
                label="Improve the search automatically", elem_id="improve-schedule",
                info="A worker does it, but only if there are new documents, pairs or votes.",
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
            self.said: str(parts.quiet(html.schedule(found))),
        }

    def connect(self) -> None:
        """Let a choice take effect."""
        self._screen.on(self.every.input, self._set, [self.every], [], then_look=True)

    def _set(self, who: str, text: str) -> None:
        every, votes = schedule.parse(text)
        with self._services.pool.connection() as conn:
            schedule.change(conn, every, votes, who=who)


def _plan_of(services: Services) -> ImprovementPlan | str:
    """The plan, or what stands in its way."""
    try:
        return plan.make(services, methods.workers_machine(services))
    except InputError as error:
        return str(error)


def _goes_on(found: ImprovementPlan | str) -> bool:
    return isinstance(found, ImprovementPlan) and found.unfinished is not None


def _open_job(found: list[Job]) -> Job | None:
    return next((job for job in found if job.status in jobs_html.OPEN), None)
