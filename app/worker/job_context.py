"""
How a worker runs a task: with its services, stoppable within seconds, and only while it has the
job.

This module knows no DSN. The worker brings the connections. The tasks are in `app/worker/tasks`.
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

from app import tracing, trail
from app.queue import QUEUE_OF
from app.services import Services
from pipelines.embedder.encoder import load_torch
from pipelines.errors import DISK_FULL, AttuneError, BusyError, is_disk_full
from pipelines.progress import Progress, Stopped, Task
from pipelines.store import job_progress
from pipelines.store.ids import JobId
from pipelines.store.job_progress import Hold
from pipelines.store.jobs import Job

# Tasks that need torch with any encoder.
BY_TORCH = ("evaluate", "probe", "train")
TELL_EVERY_S = 1.0
# Attempts after an outage or a conflict, with growing pauses.
MOST_ATTEMPTS = 6
PAUSE_S = 10

log = logging.getLogger(__name__)


class HeldJobs(JobManager):
    """Ends or requeues a job only while the worker has it."""

    async def finish_job(self, job: QueueJob, status: Status, delete_job: bool) -> None:
        """End the job if this worker still has it."""
        await self.connector.execute_query_async(
            job_progress.FINISH_HELD, job_id=job.id, worker_id=job.worker_id, status=status.value
        )

    async def retry_job(
        self,
        job: QueueJob,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Requeue the job if this worker still has it."""
        await self.connector.execute_query_async(
            job_progress.QUEUE_HELD,
            job_id=job.id,
            worker_id=job.worker_id,
            at=retry_at,
            # A worker's end is not a failed attempt of the job.
            counted=0 if retry_at is None else 1,
        )


class Again(BaseRetryStrategy):
    """
    Decides which jobs are requeued: those whose worker ends, and those that failed for a passing
    reason.
    """

    def get_retry_decision(
        self, *, exception: BaseException, job: QueueJob
    ) -> RetryDecision | None:
        """Requeue at once if the worker ends, and after a pause if the fault may pass."""
        if isinstance(exception, JobAborted):
            return RetryDecision()
        if passes(exception) and job.attempts + 1 < MOST_ATTEMPTS:
            return RetryDecision(retry_in={"seconds": PAUSE_S * (job.attempts + 1)})
        return None


def passes(error: BaseException) -> bool:
    """Whether a retry may help: the database was away, or another process had a lock."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | BusyError)


app = App(connector=PsycopgConnector())
app.job_manager = HeldJobs(app.connector)


@dataclass
class Work:
    """
    A running job with its services and its progress.

    :param before: The job as an earlier attempt left it.
    """

    services: Services
    hold: Hold
    before: Job
    asked_to_stop: Callable[[], bool]
    _told: tuple[str, float] = ("", 0.0)
    _looked: float = field(default_factory=time.monotonic)
    _lost: bool = False

    @property
    def task(self) -> Task:
        """What the work itself is given."""
        return Task(self.tell, self.is_stopping)

    def tell(self, progress: Progress) -> None:
        """Store the job's progress: at once for a new stage, else about once a second."""
        now = time.monotonic()
        if progress.stage == self._told[0] and now - self._told[1] < TELL_EVERY_S:
            return
        self._told = (progress.stage, now)
        with self.services.pool.connection() as conn:
            self._lost |= not job_progress.note(
                conn,
                self.hold,
                progress.stage,
                progress.done,
                progress.total or None,
                progress.rate,
                progress.eta_s,
                progress.item,
            )

    def is_stopping(self) -> bool:
        """
        Whether to stop: on request, because the worker ends, or because another worker has the job.
        """
        now = time.monotonic()
        if now - self._looked >= TELL_EVERY_S:
            self._looked = now
            self._lost |= not self._still_held()
        return self._lost or self.asked_to_stop()

    def _still_held(self) -> bool:
        try:
            with self.services.pool.connection() as conn:
                return job_progress.holds(conn, self.hold)
        except psycopg.OperationalError:
            return True  # the task's next statement will fail if the database is still away


def task(function: Any) -> Any:
    """Register a function as the task with its name."""
    name = function.__name__

    def run(context: JobContext, /, **arguments: Any) -> None:
        with trail.following(job=str(context.job.id)):
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
        before = job_progress.begin(conn, hold, context.job.task_name)
    if before.result is not None:
        return  # the work was done before the worker ended
    log.info("job %s begins: %s", hold.job_id, context.job.task_name)
    if context.job.task_name in BY_TORCH:
        load_torch()  # under a lock, because jobs of other queues may be about to use it first
    work = Work(services, hold, before, context.should_abort)
    try:
        with tracing.span("attune.job", job=int(hold.job_id), task=context.job.task_name):
            result = function(work, **arguments)
        with services.pool.connection() as conn:
            job_progress.set_result(conn, hold, result)
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
        fault = "The database was away. The job is tried again."
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
            job_progress.set_fault(conn, hold, fault)
    except psycopg.OperationalError:
        log.warning("job %s: its fault could not be stored", hold.job_id)
