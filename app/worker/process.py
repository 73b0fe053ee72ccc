"""
The worker process: runs jobs from the queue, one of each queue at a time.

It survives an outage of the database, and requeues the jobs of workers that have gone. It uses few
threads and a low priority, so that answers on the same machine stay fast, and loads a model only
when a job needs one. Told to end, it requeues its jobs within seconds. If it is killed, other
workers requeue them.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence

from app import queue
from app.actions.backup import keeping
from app.log import start_log
from app.services import open_services
from app.settings import Settings
from app.tracing import start_tracing
from app.watchdog.heartbeat import UNWATCHED, Heartbeat
from app.worker.crew import Before, Crew, Timing, leave
from pipelines.errors import InputError
from pipelines.system.orphan import when_parent_ends

# A lower priority than the processes that answer questions. The worker's children inherit it.
NICENESS = 10


def worker_settings(settings: Settings) -> Settings:
    """The settings with the worker's number of threads: half of the cores, unless set."""
    threads = settings.worker_threads or max(1, (os.cpu_count() or 2) // 2)
    return settings.model_copy(update={"threads": threads})


def run(
    settings: Settings,
    queues: Sequence[str] = queue.QUEUES,
    *,
    timing: Timing | None = None,
    end_with_parent: bool = False,
    heartbeat: Heartbeat = UNWATCHED,
    before: Before | None = None,
) -> None:
    """
    Work until SIGTERM or SIGINT, then end the process.

    :param end_with_parent: Also end when standard input closes.
    :param heartbeat: Receives this worker's ids, so that its successor can be told.
    :param before: Workers whose jobs are requeued at once.
    :raises InputError: There is no such queue.
    :raises NotReadyError: The database is not available at the start.
    """
    if unknown := set(queues) - set(queue.QUEUES):
        raise InputError(
            f"There is no queue {min(unknown)!r}. There are: {', '.join(queue.QUEUES)}."
        )
    _prepare_process(settings)
    keeping.restore_into_empty(settings)
    with open_services(worker_settings(settings), pool_size=2 * len(queues) + 2) as services:
        crew = Crew(services, queues, timing or Timing(), heartbeat)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: crew.stop())
        if end_with_parent:
            when_parent_ends(crew.stop)
        if before is not None:
            crew.take_over(before)
        heartbeat.tell("ready")
        print(f"Attune works on: {', '.join(queues)}", flush=True)
        crew.work()
    leave(143)


def _prepare_process(settings: Settings) -> None:
    start_log(settings, "worker")
    start_tracing(settings, "worker")
    # It logs every failure with a traceback. `app.worker.job_context` has logged the reason in one line.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    os.nice(NICENESS)
