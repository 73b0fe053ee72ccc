"""The queue's workers in one process, one for each queue, with their monitoring."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ProcrastinateException
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from app import queue
from app.actions.sources import schedule
from app.services import Services
from app.watchdog.heartbeat import UNWATCHED, Heartbeat
from app.worker import job_context, upkeep
from app.worker.tasks import app as jobs_app
from pipelines.errors import ConflictError
from pipelines.store import db, freezes, job_progress, jobs, queue_workers
from pipelines.store.db import Connection

LONGEST_PAUSE_S = 10.0
LOOK_S = 0.2
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """
    How often a worker does what.

    A job is requeued at most `silent_s` + `rescue_s` after its worker's last heartbeat in the
    database, which is due every `beat_s`. That is long, because a worker on a busy machine may only
    be late. On the same machine the next worker is told what was left behind (`Before`) and need
    not wait. After `database_s` without the database a worker stops its jobs, and starts again when
    the database is back.
    """

    beat_s: float = 5
    silent_s: float = 120
    rescue_s: float = 5
    poll_s: float = 2
    upkeep_s: float = 10
    grace_s: float = 3
    database_s: float = 10


@dataclass(frozen=True)
class Before:
    """
    Ids of workers that this one replaces and that have certainly ended.

    :param ended: Killed, or ended unasked.
    :param froze: Killed because they froze.
    """

    ended: Sequence[int] = ()
    froze: Sequence[int] = ()

    @classmethod
    def of(cls, ended: str, froze: str) -> Before:
        """Parse two lists separated by commas."""

        def numbers(text: str) -> list[int]:
            return [int(number) for number in text.split(",") if number]

        return cls(numbers(ended), numbers(froze))


def leave(code: int) -> None:
    """Exit at once, because the model libraries' own cleanup can take seconds."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Crew:
    """The queue's workers in this process, one per queue, with their monitoring."""

    def __init__(
        self,
        services: Services,
        queues: Sequence[str],
        timing: Timing,
        heartbeat: Heartbeat = UNWATCHED,
    ) -> None:
        self._services, self._queues, self._timing = services, queues, timing
        self._heartbeat = heartbeat
        self._stopping = threading.Event()
        # Procrastinate leaves these methods untyped.
        self._workers: list[Any] = []
        self._unheard = threading.Event()
        self._told: list[int] = []

    def take_over(self, before: Before) -> None:
        """Requeue or fail at once the jobs of workers that have certainly ended."""
        with self._services.pool.connection() as conn:
            ends = queue_workers.rescue_from(conn, before.ended, job_context.MOST_ATTEMPTS)
            ends += freezes.rescue(conn, before.froze)
        for job_id, end in ends:
            log.warning("job %s was left behind by its worker: %s", job_id, end)

    def stop(self) -> None:
        """End soon. Jobs that cannot end in time are requeued. May be called from any thread."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        threading.Thread(target=self._end_anyway, daemon=True, name="end").start()

    def work(self) -> None:
        """Work until `stop`, starting again after every outage."""
        threading.Thread(target=self._beat, daemon=True, name="beat").start()
        pause = 0.5
        while not self._stopping.is_set():
            try:
                asyncio.run(self._shift())
                pause = 0.5
            except (ProcrastinateException, psycopg.Error) as error:
                log.warning("the database is away: %s", reason_of(error))
            except Exception:
                log.exception("an unexpected fault, the worker starts again")
            self._services.revive()
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _shift(self) -> None:
        """Work until `stop`, or until the database is away for longer than the pool waits."""
        pool = AsyncConnectionPool(
            self._services.dsn,
            min_size=1,
            max_size=len(self._queues) + 2,
            timeout=self._timing.database_s,
            configure=_configure,
            check=AsyncConnectionPool.check_connection,
            kwargs={"application_name": "attune worker"},
            open=False,
        )
        connector = PsycopgConnector()
        async with pool:
            await pool.wait(self._timing.database_s)
            with jobs_app.replace_connector(connector):
                async with jobs_app.open_async(pool):
                    await self._staff()

    async def _staff(self) -> None:
        """
        Run the workers until `stop`, or until one of them ends or misses its heartbeat. Then end
        all.
        """
        self._unheard.clear()
        self._workers = [self._worker(name) for name in self._queues]
        running = [asyncio.create_task(worker.run()) for worker in self._workers]
        looking = [
            asyncio.create_task(self._every(self._timing.rescue_s, self._rescue)),
            asyncio.create_task(self._every(self._timing.upkeep_s, self._look_after)),
        ]
        ended: set[asyncio.Task[None]] = set()
        while not (ended or self._stopping.is_set() or self._unheard.is_set()):
            ended, _ = await asyncio.wait(
                running, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
            )
            if (numbers := self._worker_ids()) != self._told:
                self._told = numbers
                self._heartbeat.tell(f"workers {','.join(map(str, numbers))}")
        for worker in self._workers:
            worker.stop()
        for task in looking:
            task.cancel()
        for error in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(error, BaseException):
                raise error

    def _worker(self, name: str) -> Worker:
        timing = self._timing
        return Worker(
            jobs_app,
            queues=[name],
            name=name,
            concurrency=1,
            fetch_job_polling_interval=timing.poll_s,
            abort_job_polling_interval=timing.poll_s,
            # A job learns at once that the worker ends, and is requeued.
            shutdown_graceful_timeout=0,
            additional_context={"services": self._services},
            install_signal_handlers=False,
            update_heartbeat_interval=timing.beat_s,
            stalled_worker_timeout=timing.silent_s,
        )

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        while True:
            try:
                await asyncio.to_thread(act)
            except psycopg.OperationalError as error:
                log.debug("the database is away: %s", error)
            except Exception:
                log.exception("an unexpected fault, the worker continues")
            await asyncio.sleep(seconds)

    def _worker_ids(self) -> list[int]:
        return [worker.worker_id for worker in self._workers if worker.worker_id is not None]

    def _beat(self) -> None:
        """
        Store the workers' heartbeats through a connection of their own.

        The queue's own heartbeat depends on the event loop and its pool, which may be late for
        minutes on a busy machine.
        """
        conn: Connection | None = None
        while not self._stopping.wait(self._timing.beat_s):
            try:
                conn = conn or db.connect_alone(self._services.pool)
                queue_workers.beat(conn, self._worker_ids())
            except psycopg.Error as error:
                log.debug("the database is away: %s", error)
                if conn is not None:
                    conn.close()
                conn = None

    def _rescue(self) -> None:
        silent = timedelta(seconds=self._timing.silent_s)
        with self._services.pool.connection() as conn:
            # A worker does not notice when its own heartbeat fails or its row was deleted.
            if not queue_workers.all_heard_of(conn, self._worker_ids(), silent):
                self._unheard.set()
            for job_id, end in queue_workers.rescue(conn, silent, job_context.MOST_ATTEMPTS):
                log.warning("job %s was left behind by its worker: %s", job_id, end)

    def _look_after(self) -> None:
        if queue.QUEUE_OF["cleanup"] not in self._queues:
            return
        for task, who in upkeep.due(self._services):
            try:
                queue.defer(self._services, task, who=who)
            except ConflictError:
                log.debug("%s is queued already", task)
        schedule.queue_due(self._services)

    def _end_anyway(self) -> None:
        """Requeue the jobs and exit if they do not end in time."""
        threading.Event().wait(self._timing.grace_s)
        try:
            with self._services.pool.connection(timeout=0.5) as conn:
                queue_workers.release(conn, self._worker_ids())
        except psycopg.Error as error:
            log.warning("the next worker will requeue the running jobs: %s", reason_of(error))
        leave(143)


async def _configure(conn: psycopg.AsyncConnection) -> None:
    await conn.execute(jobs.USE_SCHEMA)
    # A worker that stands still between two statements lets go of what it has locked.
    await conn.execute(f"set idle_in_transaction_session_timeout = {job_progress.STILL_MS}")
    await conn.commit()


def reason_of(error: BaseException) -> str:
    """The driver's error inside a library's error, which is more precise."""
    return str(error.__cause__ or error).strip().split("\n")[0]
