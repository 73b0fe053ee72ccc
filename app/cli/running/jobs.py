"""`attune jobs`: queued, running and finished jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.store.ids import JobId
    from pipelines.store.jobs import Job

JobNumber = Annotated[int, typer.Argument(help="Its number, as `jobs list` shows it.")]
COLOUR = {"succeeded": "green", "failed": "red", "doing": "cyan", "todo": "yellow"}

group = typer.Typer(help="Queued, running and finished jobs.", no_args_is_help=True)


@group.command("list")
def list_jobs(
    task: Annotated[list[str] | None, typer.Option(help="Only jobs of this task.")] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Only queued and running jobs.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Jobs, newest first, and how far they are."""
    from app.cli.common import emit_json, services
    from pipelines.store import jobs

    statuses = ["todo", "doing"] if unfinished else None
    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        found = jobs.recent(conn, limit=limit, tasks=task or None, statuses=statuses)
    if as_json:
        emit_json({"jobs": [vars(job) for job in found]})
        return
    if not found:
        typer.echo("There is no job.")
        return
    typer.secho(
        f"{'Job':>6} {'Task':9} {'Status':10} {'Queued at':16}  Progress or fault", bold=True
    )
    for job in found:
        _print(job)


@group.command("show")
def show(job_id: JobNumber, as_json: AsJson = False) -> None:
    """One job: what it does, how far it is, what came of it."""
    from app import queue
    from app.cli.common import emit_json, services
    from pipelines.store.ids import JobId

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        job = queue.get(conn, JobId(job_id))
    if as_json:
        emit_json(vars(job))
        return
    for name, value in vars(job).items():
        if value not in (None, "", {}, []):
            typer.echo(f"{name:12} {queue.WORDS[value] if name == 'status' else value}")


@group.command("cancel")
def cancel(job_id: JobNumber, as_json: AsJson = False) -> None:
    """Cancel a queued job, or stop a running one within seconds. What it made stays."""
    from app import queue

    job = _change(queue.cancel, job_id, as_json)
    if not as_json:
        typer.echo(f"Job {job_id} {'is told to stop' if job.stopping else 'is cancelled'}.")


@group.command("retry")
def retry(job_id: JobNumber, as_json: AsJson = False) -> None:
    """Queue a job again that failed or was cancelled. It continues where it stopped."""
    from app import queue

    _change(queue.retry, job_id, as_json)
    if not as_json:
        typer.echo(f"Job {job_id} is queued again.")


def _change(act: Callable[[Services, JobId], Job], job_id: int, as_json: bool) -> Job:
    """Cancel or retry a job, and print it if JSON is asked for."""
    from app.cli.common import emit_json, services
    from pipelines.store.ids import JobId

    with services(pool_size=2) as opened:
        job = act(opened, JobId(job_id))
    if as_json:
        emit_json(vars(job))
    return job


def _print(job: Job) -> None:
    from app import queue

    state = typer.style(f"{queue.WORDS[job.status]:10}", fg=COLOUR.get(job.status))
    counted = f"{job.done:,} of {job.total:,}" if job.total else ""
    left = "" if not job.eta_s or job.status != "doing" else f"{job.eta_s / 60:.1f} min left"
    told = job.fault or "  ".join(part for part in (job.stage, counted, left) if part)
    if job.status == "succeeded":
        told = ""
    typer.echo(f"{job.id:6} {job.task:9} {state} {job.created_at:%Y-%m-%d %H:%M}  {told}")
