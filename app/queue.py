"""
Asks for jobs: queues them, takes them back, queues them again. Workers (`app.worker.process`) do them; what
each of them does is in `app.worker.tasks`, which this module leaves alone: it takes seconds to import.
"""

from __future__ import annotations

from typing import Any

from app.services import Services
from pipelines.errors import ConflictError, InputError
from pipelines.store import freezes, jobs
from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.jobs import Job

# What people wait for; what takes minutes; what takes the machine. A worker runs one job of each at
# a time, so that a training of hours holds up no document.
DOCUMENTS, INDEX, TRAIN = "documents", "index", "train"
QUEUES = (DOCUMENTS, INDEX, TRAIN)
QUEUE_OF = {
    "ingest": DOCUMENTS,
    "cleanup": DOCUMENTS,
    "import_pairs": INDEX,
    "build": INDEX,
    "promote": INDEX,
    "generate": TRAIN,
    "train": TRAIN,
    "probe": TRAIN,
    "evaluate": TRAIN,
    "improve": TRAIN,
    "measure": TRAIN,
}
# What people read for a job's status, in browser and terminal. JSON has the status itself.
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
    Queue a job; its id.

    :param task: One of `QUEUE_OF`; `app.worker.tasks` has what each of them takes.
    :param who: For whom; kept with the job and in the audit.
    :raises ConflictError: The same waits already, and twice would make no sense.
    """
    with services.pool.connection() as conn:
        return defer_in(conn, task, who=who, **arguments)


def defer_in(conn: Connection, task: str, *, who: str, **arguments: Any) -> JobId:
    """The same in the caller's transaction: there is a job if and only if that commits."""
    return jobs.add(
        conn,
        task,
        QUEUE_OF[task],
        {**arguments, "who": who},
        lock=_lock(task, arguments),
        queueing_lock=_once(task, arguments),
    )


def _lock(task: str, arguments: dict[str, Any]) -> str | None:
    """What runs one at a time on all machines together; on one machine, a queue's jobs do."""
    match task:
        case "promote" | "cleanup" | "generate" | "improve":
            return task
        case "import_pairs":  # both give passages their side, by what is there
            return "generate"
        case "train":
            return f"train {arguments['run_id']}"
    return None


def _once(task: str, arguments: dict[str, Any]) -> str | None:
    """What need not wait twice. A build may: several workers share it."""
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
    return task


def cancel(services: Services, job_id: JobId) -> Job:
    """
    Take a waiting job back at once, or ask a running one to stop, which it does within seconds.

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
    Queue a job again that failed or was cancelled; what it had done already stays done.

    :raises InputError: There is no such job.
    :raises ConflictError: It waits or runs, or it succeeded.
    """
    with services.pool.connection() as conn:
        if not jobs.retry(conn, job_id):
            job = get(conn, job_id)
            raise ConflictError(f"Job {job_id} cannot be tried again: {WORDS[job.status]}.")
        freezes.forget(conn, job_id)
        return get(conn, job_id)


def get(conn: Connection, job_id: JobId) -> Job:
    """:raises InputError: There is no such job."""
    job = jobs.get(conn, job_id)
    if job is None:
        raise InputError(f"There is no job {job_id}: attune jobs list")
    return job
