"""Jobs: what runs, what waits, what came of the rest; and the servers that answer."""

from __future__ import annotations

import json

import gradio as gr
from markupsafe import Markup

from app import queue
from app.admin.html import jobs as jobs_html
from app.admin.html import parts, pieces
from app.admin.screen import Screen, Updates, View, header
from app.services import Services
from pipelines.store import jobs, replicas, runs
from pipelines.store.db import Connection
from pipelines.store.ids import JobId, RunId
from pipelines.store.jobs import Job
from pipelines.store.replicas import ReplicaRow
from training.finetune.rundir import last_lines
from training.run import Folders

SHOWN = 60
LOG_LINES = 40
FILTERS = {
    "All": None,
    "Running and waiting": jobs_html.OPEN,
    "Failed": ("failed", "aborted"),
}


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    services = screen.services
    header(
        "Jobs",
        "Long work runs as a job while the chat goes on. A job that was interrupted continues on its"
        " own. A failed job can be tried again and keeps what it had done.",
    )
    chosen = gr.State(None)
    only = gr.Radio(
        list(FILTERS), value="All", show_label=False, container=False, elem_classes="filter"
    )
    with gr.Row(elem_classes="sides"):
        with gr.Column(scale=3, min_width=340):
            listed = gr.HTML(pieces.LOADING, js_on_load=pieces.PICK, elem_id="jobs-list")
        with gr.Column(scale=2, min_width=320), gr.Column(elem_classes="board"):
            details = gr.HTML(pieces.LOADING, elem_id="job-details")
            with gr.Row(elem_classes="actions"):
                cancel = gr.Button("Cancel", size="sm", visible=False, elem_id="job-cancel")
                retry = gr.Button("Try again", size="sm", visible=False, elem_id="job-retry")
    servers = gr.HTML(elem_id="servers")
    view = [listed, details, cancel, retry, servers]

    def look(who: str, only: str, job_id: int | None) -> View:
        with services.pool.connection() as conn:
            found = jobs.recent(conn, limit=SHOWN, statuses=FILTERS.get(only))
            job = _chosen(conn, found, job_id)
            told = details_of(services, conn, job)
            serving = replicas.list_all(conn)
        updates: Updates = {
            listed: job_list(found, job),
            details: told,
            cancel: gr.Button(visible=job is not None and job.status in jobs_html.OPEN),
            retry: gr.Button(visible=job is not None and job.status in jobs.RETRIED),
            servers: server_list(serving),
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


def job_list(found: list[Job], chosen: Job | None) -> str:
    """The jobs as rows to choose."""
    if not found:
        return pieces.stack(
            parts.empty(
                "No jobs here",
                Markup("{}, {} or {}: each starts a job.").format(
                    parts.link("Upload documents", "documents"),
                    parts.link("make pairs", "pairs"),
                    parts.link("tune a version", "tune"),
                ),
            )
        )
    rows = [
        (
            job.id,
            (
                jobs_html.title(job),
                jobs_html.status(job),
                _clipped(jobs_html.state(job)),
                parts.when(job.updated_at),
            ),
        )
        for job in found
    ]
    headers = ("Job", "Status", "Progress or result", "When")
    return pieces.stack(pieces.choices(headers, rows, chosen.id if chosen else None))


def _clipped(state: Markup | str) -> Markup:
    """Words in a cell's room; a bar as it is."""
    return state if isinstance(state, Markup) else parts.clipped(state, 140)


def details_of(services: Services, conn: Connection, job: Job | None) -> str:
    """One job, whole."""
    if job is None:
        return pieces.stack(parts.empty("No job", "Choose one in the list."))
    told: list[str | Markup] = [
        pieces.heading(jobs_html.title(job), jobs_html.status(job)),
        pieces.facts(
            [
                ("Job", job.id),
                ("Started by", job.args.get("who")),
                ("Queued", parts.when(job.created_at)),
                ("Took" if job.status not in jobs_html.OPEN else "Running for",
                 parts.seconds(jobs_html.run_seconds(job))),
                ("Interrupted attempts", job.attempts or None),
            ]
        ),
    ]  # fmt: skip
    if job.status == "doing":
        told.append(jobs_html.progress_bar(job))
    if job.fault:
        told.append(parts.note(job.fault, "bad" if job.status == "failed" else "warn"))
    elif said := jobs_html.outcome(job):
        told.append(parts.note(said, "good" if job.status == "succeeded" else "quiet"))
    if text := log_of(services, conn, job):
        told += [pieces.heading("Log", "the last lines"), pieces.log(text)]
    arguments = {name: value for name, value in job.args.items() if name != "who"}
    told.append(
        Markup("<details><summary>Arguments and result</summary>{}</details>").format(
            pieces.log(
                json.dumps({"arguments": arguments, "result": job.result}, indent=1, default=str)
            )
        )
    )
    return pieces.stack(*told)


def log_of(services: Services, conn: Connection, job: Job) -> str:
    """What the process of a training job printed; empty for other jobs."""
    if job.task != "train" or runs.get(conn, RunId(job.args.get("run_id", 0))) is None:
        return ""
    folder = Folders.under(services.settings.home).run(RunId(job.args["run_id"]))
    return last_lines(folder.log, LOG_LINES)


def server_list(found: list[ReplicaRow]) -> str:
    """The processes that hold versions loaded, and whether they are up to date."""
    if not found:
        return pieces.stack(parts.empty("No servers", "A server reports here once it has started."))
    newest = max((row.epoch or 0 for row in found if row.live), default=0)
    rows = [
        (
            row.id,
            parts.pill("live", "good") if row.live else parts.pill("silent", "warn"),
            row.epoch if row.epoch == newest or not row.live else f"{row.epoch}, follows",
            len(row.prepared),
            row.oldest_epoch if row.oldest_epoch is not None else "none",
            row.fault or "none",
            parts.when(row.seen_at),
        )
        for row in found
    ]
    headers = ("Server", "State", parts.term("epoch", "Epoch"), "Versions loaded",
               "Oldest open question's epoch", "Fault", "Last seen")  # fmt: skip
    return pieces.stack(
        pieces.heading("Running servers"),
        parts.table(headers, rows, numbers=(2, 3)),
    )
