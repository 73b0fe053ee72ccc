"""Jobs: what runs, what waits, what came of the rest, and the servers that answer."""

from __future__ import annotations

import gradio as gr

from app import queue
from app.admin.html import jobs as jobs_html
from app.admin.html import parts
from app.admin.screen import Screen, Updates, View, clickable, header
from app.services import Services
from pipelines.store import jobs, replicas, runs
from pipelines.store.db import Connection
from pipelines.store.ids import JobId, RunId
from pipelines.store.jobs import Job
from training.finetune.rundir import last_lines
from training.run import Folders

SHOWN = 60
LOG_LINES = 40
FILTERS = {
    "All": None,
    "Running or queued": jobs_html.OPEN,
    "Failed": ("failed", "aborted"),
}


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    services = screen.services
    header(
        "Jobs",
        "Long work runs as a job, so the chat stays fast. An interrupted job continues automatically."
        " A failed job can be tried again, and what it had done is kept.",
    )
    chosen = gr.State(None)
    only = gr.Radio(
        list(FILTERS), value="All", show_label=False, container=False, elem_classes="filter"
    )
    with gr.Row(elem_classes="sides"):
        with gr.Column(scale=3, min_width=340):
            listed = clickable("jobs-list", value=parts.LOADING)
        with gr.Column(scale=2, min_width=320), gr.Column(elem_classes="board"):
            details = gr.HTML(parts.LOADING, elem_id="job-details")
            with gr.Row(elem_classes="actions"):
                cancel = gr.Button("Cancel", size="sm", visible=False, elem_id="job-cancel")
                retry = gr.Button("Try again", size="sm", visible=False, elem_id="job-retry")
    servers = gr.HTML(elem_id="servers")
    view = [listed, details, cancel, retry, servers]

    def look(who: str, only: str, job_id: int | None) -> View:
        with services.pool.connection() as conn:
            found = jobs.recent(conn, limit=SHOWN, statuses=FILTERS.get(only))
            job = _chosen(conn, found, job_id)
            log = _log_of(services, conn, job) if job is not None else ""
            serving = replicas.list_all(conn)
        updates: Updates = {
            listed: jobs_html.job_list(found, job),
            details: jobs_html.details(job, log),
            cancel: gr.Button(visible=job is not None and job.status in jobs_html.OPEN),
            retry: gr.Button(visible=job is not None and job.status in jobs.RETRIED),
            servers: jobs_html.server_list(serving),
        }
        return View(updates, running=any(job.status in jobs_html.OPEN for job in found))

    def choose(who: str, event: gr.EventData) -> int:
        return int(event.pick)

    def stop(who: str, only: str, job_id: int | None) -> None:
        queue.cancel(services, _shown_id(services, only, job_id))

    def again(who: str, only: str, job_id: int | None) -> None:
        queue.retry(services, _shown_id(services, only, job_id))

    inputs = [only, chosen]
    screen.shows(look, inputs, view)
    screen.on(listed.select, choose, [], [chosen], then_look=True)
    screen.on(only.input, lambda who: None, [], [chosen], then_look=True)
    screen.on(cancel.click, stop, inputs, [], then_look=True)
    screen.on(retry.click, again, inputs, [], then_look=True)


def _chosen(conn: Connection, found: list[Job], job_id: int | None) -> Job | None:
    """The job that a person chose, else the newest that is shown."""
    if job_id is not None:
        return jobs.get(conn, JobId(job_id))
    return found[0] if found else None


def _shown_id(services: Services, only: str, job_id: int | None) -> JobId:
    with services.pool.connection() as conn:
        found = jobs.recent(conn, limit=1, statuses=FILTERS.get(only))
        job = _chosen(conn, found, job_id)
    return JobId(job.id if job is not None else 0)


def _log_of(services: Services, conn: Connection, job: Job) -> str:
    """The last lines that a training job printed. Empty for other jobs."""
    if job.task != "train" or runs.get(conn, RunId(job.args.get("run_id", 0))) is None:
        return ""
    folder = Folders.under(services.settings.home).run(RunId(job.args["run_id"]))
    return last_lines(folder.log, LOG_LINES)
