"""What commands share: services opened from the settings, and JSON on stdout alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.errors import NotReadyError

if TYPE_CHECKING:
    from app.actions.retrain import Promotion
    from app.services import Services
    from pipelines.store.ids import JobId

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
VersionName = Annotated[str, typer.Argument(help="Name of the version, e.g. v1.")]
Queued = Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")]


@contextmanager
def services(*, pool_size: int = 4) -> Iterator[Services]:
    """The services of this process, by its environment."""
    from app import settings
    from app.services import open_services

    with open_services(settings.load(), pool_size=pool_size) as opened:
        yield opened


@contextmanager
def kept_in_an_outage(kept: str) -> Iterator[None]:
    """
    If the database goes away meanwhile, say what is kept.

    :param kept: What is kept, and the command to go on.
    :raises NotReadyError: The database went away.
    """
    from app.access import faults

    try:
        yield
    except Exception as error:
        if faults.is_outage(error):
            raise NotReadyError(f"The database cannot be reached: {kept}") from error
        raise


def hand_over(opened: Services, task: str, *, as_json: bool, **arguments: Any) -> None:
    """Queue a job for a worker, and say which."""
    from app import queue

    tell_job(opened, queue.defer(opened, task, who="cli", **arguments), as_json=as_json)


def tell_job(opened: Services, job_id: JobId, *, as_json: bool) -> None:
    """Say which job was queued, and whether anybody will do it."""
    from pipelines.store import queue_workers

    with opened.pool.connection() as conn:
        if not queue_workers.live_workers(conn):
            typer.secho("No worker runs: attune serve, or attune worker.", err=True, fg="yellow")
    if as_json:
        emit_json({"job": job_id})
    else:
        typer.echo(f"Job {job_id} waits for a worker: attune jobs show {job_id}")


def emit_json(value: Any) -> None:
    """Write one JSON object to stdout, with dates and paths as text."""
    json.dump(value, sys.stdout, ensure_ascii=False, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


def print_promotion(done: Promotion) -> None:
    """Print what came of promoting a version if it is better."""
    if done.promoted:
        typer.secho(f"{done.version} serves (epoch {done.epoch}): {done.reason}", fg="green")
        typer.echo("To go back: attune models rollback")
    else:
        typer.secho(f"{done.version} was not promoted: {done.reason}", fg="yellow")
