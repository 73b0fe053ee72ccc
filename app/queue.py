"""
Queues, cancels and retries jobs. Workers (`app.worker.process`) run them.

The tasks themselves are in `app.worker.tasks`. This module does not import it, because that takes
seconds.
"""

from __future__ import annotations

from typing import Any

from app.services import Services
from pipelines.errors import ConflictError, InputError
from pipelines.store import freezes, jobs
from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.jobs import Job

# Jobs that people wait for, jobs of minutes, and jobs that use the whole machine. A worker runs one
# job of each queue at a time, so that hours of training delay no document.
DOCUMENTS, INDEX, TRAIN = "documents", "index", "train"
QUEUES = (DOCUMENTS, INDEX, TRAIN)
QUEUE_OF = {
    "ingest": DOCUMENTS,
    "cleanup": DOCUMENTS,
    "import_pairs": INDEX,
    "sync": INDEX,
    "build": INDEX,
    "promote": INDEX,
    "generate": TRAIN,
    "train": TRAIN,
    "probe": TRAIN,
    "evaluate": TRAIN,
    "improve": TRAIN,
    "measure": TRAIN,
}
# A job's status as shown in browser and terminal. JSON output has the status itself.
WORDS = {
    "todo": "queued",
    "doing": "running",
    "succeeded": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "aborted": "stopped",
}


def defer(services: Services, task: str, *, who: str, **arguments: Any) -> JobId:
    """
    Queue a job and return its id.

    :param task: One of `QUEUE_OF`. See `app.worker.tasks` for the arguments of each.
    :param who: The author of the job, stored with it and in the audit.
    :raises ConflictError: The same job is queued already and must not run twice.
    """
    with services.pool.connection() as conn:
        return defer_in(conn, task, who=who, **arguments)


def defer_in(conn: Connection, task: str, *, who: str, **arguments: Any) -> JobId:
    """Queue a job in the caller's transaction. It exists only if that commits."""
    return jobs.add(
        conn,
        task,
        QUEUE_OF[task],
        {**arguments, "who": who},
        lock=_lock(task, arguments),
        queueing_lock=_once(task, arguments),
    )


def _lock(task: str, arguments: dict[str, Any]) -> str | None:
    """
    The lock of tasks that run one at a time on all machines together.

    On a single machine each queue runs one job at a time anyway.
    """
    match task:
        case "promote" | "cleanup" | "generate" | "improve":
            return task
        case "import_pairs":  # both assign passages to sides by the pairs that exist
            return "generate"
        case "train":
            return f"train {arguments['run_id']}"
        case "sync":
            return f"sync {arguments['source_id']}"
    return None


def _once(task: str, arguments: dict[str, Any]) -> str | None:
    """
    The lock of tasks that need not be queued twice. A build may be, because several workers share
    it.
    """
    match task:
        case "ingest":
            return None
        case "train":
            return f"train {arguments['run_id']}"
        case "promote":
            return f"promote {arguments['name']}"
        case "evaluate":
            return f"evaluate {arguments.get('dataset')} {' '.join(arguments['models'])}"
        case "import_pairs":
            return f"import {arguments['sha256']} {arguments['split']}"
        case "generate":
            return f"generate {arguments.get('source')}"
        case "build":
            return f"build {arguments['name']}"
        case "sync":
            return f"sync {arguments['source_id']}"
    return task


def cancel(services: Services, job_id: JobId) -> Job:
    """
    Cancel a queued job, or ask a running one to stop, which it does within seconds.

    :raises InputError: There is no such job.
    :raises ConflictError: It has ended already.
    """
    with services.pool.connection() as conn:
        if not jobs.cancel(conn, job_id):
            job = get(conn, job_id)
            raise ConflictError(f"Job {job_id} has ended already: {WORDS[job.status]}.")
        return get(conn, job_id)


def retry(services: Services, job_id: JobId) -> Job:
    """
    Requeue a job that failed or was cancelled. The work that it has done is kept.

    :raises InputError: There is no such job.
    :raises ConflictError: It is queued or running, or it succeeded.
    """
    with services.pool.connection() as conn:
        if not jobs.retry(conn, job_id):
            job = get(conn, job_id)
            raise ConflictError(f"Job {job_id} cannot be tried again: {WORDS[job.status]}.")
        freezes.forget(conn, job_id)
        return get(conn, job_id)


def get(conn: Connection, job_id: JobId) -> Job:
    """
    The job with this id.

    :raises InputError: There is no such job.
    """
    job = jobs.get(conn, job_id)
    if job is None:
        raise InputError(f"There is no job {job_id}: attune jobs list")
    return job
