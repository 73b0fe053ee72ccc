"""
How a worker runs a task: with its services, told to stop within seconds, and only while the job is
the worker's own.

Nothing here knows a DSN; the worker brings the connections. The tasks are in `app/worker/tasks`.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job as QueueJob
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from app.queue import QUEUE_OF
from app.services import Services
from pipelines.embedder.encoder import load_torch
from pipelines.errors import DISK_FULL, AttuneError, BusyError, is_disk_full
from pipelines.progress import Progress, Stopped
from pipelines.store import jobs
from pipelines.store.ids import JobId
from pipelines.store.jobs import Hold, Job

# Tasks that need torch whatever the encoder.
BY_TORCH = ("evaluate", "probe", "train")
TELL_EVERY_S = 1.0
# An outage or a busy neighbour is waited for so often, a little longer each time.
MOST_ATTEMPTS = 6
PAUSE_S = 10

log = logging.getLogger(__name__)


class HeldJobs(JobManager):
    """Ends a job, or queues it again, only while it is the worker's own."""

    async def finish_job(self, job: QueueJob, status: Status, delete_job: bool) -> None:
        await self.connector.execute_query_async(
            jobs.FINISH_HELD, job_id=job.id, worker_id=job.worker_id, status=status.value
        )

    async def retry_job(
        self,
        job: QueueJob,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        await self.connector.execute_query_async(
            jobs.QUEUE_HELD,
            job_id=job.id,
            worker_id=job.worker_id,
            at=retry_at,
            # A worker that was asked to end is no failure of the job.
            counted=0 if retry_at is None else 1,
        )


class Again(BaseRetryStrategy):
    """Which jobs are queued again: those whose worker ends, and those that something was in the way of."""

    def get_retry_decision(
        self, *, exception: BaseException, job: QueueJob
    ) -> RetryDecision | None:
        if isinstance(exception, JobAborted):
            return RetryDecision()
        if passes(exception) and job.attempts + 1 < MOST_ATTEMPTS:
            return RetryDecision(retry_in={"seconds": PAUSE_S * (job.attempts + 1)})
        return None


def passes(error: BaseException) -> bool:
    """Whether trying again later may help: the database was away, or somebody else was at it."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | BusyError)


app = App(connector=PsycopgConnector())
app.job_manager = HeldJobs(app.connector)


@dataclass
class Work:
    """
    A job under way: its services, and what it tells.

    :param before: The job as an earlier attempt left it.
    """

    services: Services
    hold: Hold
    before: Job
    asked_to_stop: Callable[[], bool]
    _told: tuple[str, float] = ("", 0.0)
    _looked: float = field(default_factory=time.monotonic)
    _lost: bool = False

    def tell(self, progress: Progress) -> None:
        """Store how far it is: at once for a new stage, else about once a second."""
        now = time.monotonic()
        if progress.stage == self._told[0] and now - self._told[1] < TELL_EVERY_S:
            return
        self._told = (progress.stage, now)
        with self.services.pool.connection() as conn:
            self._lost |= not jobs.note(
                conn,
                self.hold,
                progress.stage,
                progress.done,
                progress.total or None,
                progress.rate,
                progress.eta_s,
                progress.item,
            )

    def stop(self) -> bool:
        """Whether to end: somebody asked for it, the worker ends, or the job is another's now."""
        now = time.monotonic()
        if now - self._looked >= TELL_EVERY_S:
            self._looked = now
            self._lost |= not self._still_held()
        return self._lost or self.asked_to_stop()

    def _still_held(self) -> bool:
        try:
            with self.services.pool.connection() as conn:
                return jobs.holds(conn, self.hold)
        except psycopg.OperationalError:
            return True  # the next statement of the work itself will tell


def task(function: Any) -> Any:
    """Register a function as the task of its name."""
    name = function.__name__

    def run(context: JobContext, /, **arguments: Any) -> None:
        _run(context, function, arguments)

    app.task(name=name, queue=QUEUE_OF[name], retry=Again(), pass_context=True)(run)
    return function


def _run(
    context: JobContext, function: Callable[..., dict[str, Any]], arguments: dict[str, Any]
) -> None:
    services: Services = context.additional_context["services"]
    assert context.job.id is not None
    assert context.job.worker_id is not None
    hold = Hold(JobId(context.job.id), context.job.worker_id)
    with services.pool.connection() as conn:
        before = jobs.begin(conn, hold, context.job.task_name)
    if before.result is not None:
        return  # all was done when the worker ended
    log.info("job %s begins: %s", hold.job_id, context.job.task_name)
    if context.job.task_name in BY_TORCH:
        load_torch()  # jobs of other queues may be about to use it first as well
    work = Work(services, hold, before, context.should_abort)
    try:
        result = function(work, **arguments)
        with services.pool.connection() as conn:
            jobs.set_result(conn, hold, result)
        log.info("job %s is done", hold.job_id)
    except Stopped:
        log.info("job %s stops", hold.job_id)
        raise JobAborted from None
    except Exception as error:
        _note_fault(services, hold, error)
        raise


def _note_fault(services: Services, hold: Hold, error: Exception) -> None:
    if is_disk_full(error):
        fault = DISK_FULL
        log.error("job %s: %s", hold.job_id, fault)
    elif passes(error) and not isinstance(error, AttuneError):
        fault = "The database was away; the job is tried again."
        log.warning("job %s: %s", hold.job_id, error)
    elif isinstance(error, AttuneError):
        fault = str(error)
        log.warning("job %s: %s", hold.job_id, error)
    else:
        incident = uuid.uuid4().hex[:8]
        fault = f"An unexpected fault (incident {incident}): {type(error).__name__}."
        log.error("incident %s in job %s", incident, hold.job_id, exc_info=error)
    try:
        with services.pool.connection(timeout=1) as conn:
            jobs.set_fault(conn, hold, fault)
    except psycopg.OperationalError:
        log.warning("job %s: its fault could not be stored", hold.job_id)
