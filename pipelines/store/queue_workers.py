"""The queue's workers: their heartbeats, and the jobs that they leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.jobs import queue_schema
from pipelines.store.rows import class_row

Rescued = Literal["queued", "aborted", "failed"]


@dataclass(frozen=True)
class QueueState:
    """
    One queue: its jobs and workers.

    :param oldest_s: How long the oldest job that could run waits, in seconds. 0: none waits.
    :param heard_at: When one of its workers was last heard of, in seconds since 1970. 0: never.
    """

    queue: str
    waiting: int
    oldest_s: float
    running: int
    failed: int
    workers: int
    heard_at: float


def states(conn: Connection, silent: timedelta = timedelta(seconds=30)) -> list[QueueState]:
    """The state of each queue that a job was ever in. Any worker may take any queue's jobs."""
    with conn.cursor(row_factory=class_row(QueueState)) as cursor:
        return cursor.execute(
            """
            with heard as (
                select count(*) filter (where last_heartbeat >= clock_timestamp() - %s) as workers,
                    coalesce(extract(epoch from max(last_heartbeat)), 0)::float8 as heard_at
                from procrastinate.procrastinate_workers
            ), waiting as (
                select j.id, coalesce(j.scheduled_at, min(e.at)) as since
                from procrastinate.procrastinate_jobs j
                left join procrastinate.procrastinate_events e on e.job_id = j.id
                where j.status = 'todo' and coalesce(j.scheduled_at, now()) <= clock_timestamp()
                group by j.id
            )
            select j.queue_name as queue, count(w.id) as waiting,
                greatest(coalesce(extract(epoch from clock_timestamp() - min(w.since)), 0), 0)::float8
                    as oldest_s,
                count(*) filter (where j.status = 'doing') as running,
                count(*) filter (where j.status = 'failed') as failed,
                heard.workers, heard.heard_at
            from procrastinate.procrastinate_jobs j left join waiting w on w.id = j.id, heard
            group by j.queue_name, heard.workers, heard.heard_at order by 1
            """,
            (silent,),
        ).fetchall()


def rescue(conn: Connection, silent: timedelta, most_attempts: int) -> list[tuple[JobId, Rescued]]:
    """
    Requeue the jobs of workers that are gone or have sent no heartbeat for `silent`.

    A job is aborted instead if it was asked to stop, or if another job with its queueing lock waits
    or runs. It fails if it was begun `most_attempts` times.

    :returns: The outcome of each job.
    """
    return _rescue(
        conn,
        "(w.id is null or w.last_heartbeat < clock_timestamp() - %s)",
        (silent,),
        most_attempts,
    )


def rescue_from(
    conn: Connection, workers: Sequence[int], most_attempts: int
) -> list[tuple[JobId, Rescued]]:
    """
    Rescue the jobs of workers that have certainly ended, without waiting for missed heartbeats.
    """
    return _rescue(conn, "j.worker_id = any(%s)", (list(workers),), most_attempts)


def _rescue(
    conn: Connection, where: str, values: Sequence[object], most_attempts: int
) -> list[tuple[JobId, Rescued]]:
    with conn.transaction():
        found = left_behind(conn, where, values)
        rescued = [(job_id, _end_of(stop, n, most_attempts)) for job_id, stop, n in found]
        for job_id, how in rescued:
            faults: dict[Rescued, str] = {
                "failed": f"Its worker ended {most_attempts} times while it ran.",
                "queued": "its worker ended, or was not heard of",
            }
            end(conn, job_id, how, faults.get(how))
    return rescued


def left_behind(
    conn: Connection, where: str, values: Sequence[object]
) -> list[tuple[JobId, bool, int]]:
    """
    Lock the running jobs `j` of workers `w` that fulfil a condition.

    :returns: For each job, whether it is to stop, and its number of attempts. It is to stop if
        somebody asked for that, or if another job with its queueing lock waits or runs.
    """
    with queue_schema(conn):
        rows = conn.execute(
            "select j.id, j.abort_requested or exists (select 1 from procrastinate_jobs o"
            " where o.queueing_lock = j.queueing_lock"
            " and (o.status = 'todo' or o.status = 'doing' and o.id < j.id)), j.attempts"
            " from procrastinate_jobs j"
            " left join procrastinate_workers w on w.id = j.worker_id"
            f" where j.status = 'doing' and {where}"
            " order by j.id for update of j skip locked",
            tuple(values),
        ).fetchall()
    return [(JobId(job_id), stop, attempts) for job_id, stop, attempts in rows]


def end(conn: Connection, job_id: JobId, how: Rescued, fault: str | None = None) -> Rescued:
    """Take a job from its worker, count one more attempt, and store the reason if it failed."""
    with queue_schema(conn):
        conn.execute(
            "update procrastinate_jobs set status = %s, abort_requested = false,"
            " attempts = attempts + 1, scheduled_at = now(), worker_id = null where id = %s",
            ("todo" if how == "queued" else how, job_id),
        )
        if fault is not None:
            conn.execute(
                "update job_progress set fault = %s, updated_at = now() where job_id = %s",
                (fault, job_id),
            )
    return how


def beat(conn: Connection, workers: Sequence[int]) -> None:
    """Store a heartbeat of these workers."""
    conn.execute(
        "update procrastinate.procrastinate_workers set last_heartbeat = now() where id = any(%s)",
        (list(workers),),
    )


def all_heard_of(conn: Connection, workers: Sequence[int], silent: timedelta) -> bool:
    """Whether each of these workers is known and has sent a heartbeat within `silent`."""
    row = conn.execute(
        "select count(*) = %s from procrastinate.procrastinate_workers"
        " where id = any(%s) and last_heartbeat >= clock_timestamp() - %s",
        (len(workers), list(workers), silent),
    ).fetchone()
    return row is not None and bool(row[0])


def live_workers(conn: Connection, silent: timedelta = timedelta(seconds=30)) -> int:
    """Count the queue's workers with a recent heartbeat. Each process has one per queue."""
    row = conn.execute(
        "select count(*) from procrastinate.procrastinate_workers"
        " where last_heartbeat >= clock_timestamp() - %s",
        (silent,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def release(conn: Connection, workers: Sequence[int]) -> int:
    """Requeue the jobs of workers that are about to end, and return their number."""
    with queue_schema(conn):
        return conn.execute(
            "update procrastinate_jobs set status = (case when abort_requested"
            " then 'aborted' else 'todo' end)::procrastinate_job_status,"
            " abort_requested = false, scheduled_at = now(), worker_id = null"
            " where status = 'doing' and worker_id = any(%s)",
            (list(workers),),
        ).rowcount


def _end_of(stopping: bool, attempts: int, most_attempts: int) -> Rescued:
    if stopping:
        return "aborted"
    return "failed" if attempts + 1 >= most_attempts else "queued"
