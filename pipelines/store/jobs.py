"""
Jobs as people see them: the queue's own rows (schema `procrastinate`, from its package) with our
`job_progress`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from pipelines.errors import ConflictError
from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.rows import class_row

SCHEMA = "procrastinate"
# For connections that only the queue uses.
USE_SCHEMA = f"set search_path to {SCHEMA}"
# `aborted` means cancelled while it ran.
Status = Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborted"]
RETRIED = ("failed", "cancelled", "aborted")


_SELECT = """
select j.id, j.task_name as task, j.queue_name as queue, j.status::text as status, j.args,
       j.abort_requested and j.status = 'doing' as stopping,
       -- The queue also counts the attempt that succeeded.
       j.attempts - (j.status = 'succeeded')::int as attempts,
       coalesce(p.stage, '') as stage, coalesce(p.item, '') as item,
       coalesce(p.done, 0) as done, p.total, p.rate, p.eta_s, p.result, p.fault,
       e.created_at, e.started_at, greatest(e.changed_at, p.updated_at) as updated_at
from procrastinate.procrastinate_jobs j
left join job_progress p on p.job_id = j.id
cross join lateral (
    select min(at) as created_at, max(at) as changed_at,
           max(at) filter (where type = 'started') as started_at
    from procrastinate.procrastinate_events where job_id = j.id and type <> 'scheduled') e
"""


@dataclass(frozen=True)
class Job:
    """
    One job and its progress.

    `stopping` is set while it runs and has been asked to stop. `args` also contain who asked for
    it. `item` is what it is working on, e.g. a file name. `total`, `rate` (per second) and `eta_s`
    are None while unknown. `started_at` belongs to the last attempt. `attempts` counts those
    without an outcome.
    """

    id: JobId
    task: str
    queue: str
    status: Status
    args: dict[str, Any]
    stopping: bool
    attempts: int
    stage: str
    done: int
    total: int | None
    rate: float | None
    eta_s: float | None
    result: Any
    fault: str | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    item: str = ""


def get(conn: Connection, job_id: JobId) -> Job | None:
    """The job with this id."""
    with conn.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(f"{_SELECT} where j.id = %s", (job_id,)).fetchone()


def recent(
    conn: Connection,
    *,
    limit: int = 50,
    tasks: Sequence[str] | None = None,
    statuses: Sequence[str] | None = None,
) -> list[Job]:
    """Jobs, newest first, of any task and in any state unless restricted."""
    with conn.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            f"{_SELECT} where (%(tasks)s::text[] is null or j.task_name = any(%(tasks)s))"
            " and (%(statuses)s::text[] is null or j.status::text = any(%(statuses)s))"
            " order by j.id desc limit %(limit)s",
            {
                "tasks": None if tasks is None else list(tasks),
                "statuses": None if statuses is None else list(statuses),
                "limit": limit,
            },
        ).fetchall()


def count_by_status(conn: Connection) -> dict[str, int]:
    """Count the jobs in each state."""
    return dict(
        conn.execute(
            "select status::text, count(*) from procrastinate.procrastinate_jobs group by 1"
        ).fetchall()
    )


def add(
    conn: Connection,
    task: str,
    queue: str,
    args: Mapping[str, Any],
    *,
    lock: str | None = None,
    queueing_lock: str | None = None,
) -> JobId:
    """
    Queue a new job. Workers are notified when the caller's transaction commits.

    :param lock: Only one of the jobs with the same lock runs at a time.
    :param queueing_lock: Only one of the jobs with the same lock waits at a time.
    :raises ConflictError: A job with this queueing lock is queued already.
    """
    try:
        with queue_schema(conn):
            row = conn.execute(
                "select unnest(procrastinate_defer_jobs_v1(array[row(%s, %s, 0, %s, %s, %s, null)"
                "::procrastinate_job_to_defer_v1]))",
                (queue, task, lock, queueing_lock, Jsonb(dict(args))),
            ).fetchone()
    except UniqueViolation:
        raise ConflictError(_waits_already(conn, queueing_lock)) from None
    assert row is not None
    return JobId(row[0])


def cancel(conn: Connection, job_id: JobId) -> bool:
    """
    Cancel a queued job, or ask a running one to stop.

    :returns: False if it has ended or does not exist.
    """
    with queue_schema(conn):
        row = conn.execute(
            "select procrastinate_cancel_job_v1(%s, true, false)", (job_id,)
        ).fetchone()
    return row is not None and row[0] is not None


def retry(conn: Connection, job_id: JobId) -> bool:
    """
    Requeue a job that failed or was cancelled, and reset its count of attempts.

    :returns: False if it is in another state.
    :raises ConflictError: A job with the same queueing lock is queued already.
    """
    try:
        with queue_schema(conn):
            row = conn.execute(
                "update procrastinate_jobs"
                " set status = 'todo', abort_requested = false, attempts = 0, scheduled_at = now()"
                " where id = %s and status::text = any(%s) returning id",
                (job_id, list(RETRIED)),
            ).fetchone()
            if row is not None:  # the result of a job in another state stays
                conn.execute(
                    "update job_progress set stage = '', item = '', done = 0, total = null,"
                    " rate = null, eta_s = null, result = null, fault = null, updated_at = now()"
                    " where job_id = %s",
                    (job_id,),
                )
    except UniqueViolation:
        raise ConflictError("The same job is queued already.") from None
    return row is not None


def any_old(conn: Connection, age: timedelta) -> bool:
    """Whether `forget_old` would delete anything."""
    row = conn.execute(f"select exists ({_OLD})", (age,)).fetchone()
    return row is not None and bool(row[0])


def forget_old(conn: Connection, age: timedelta) -> int:
    """
    Delete jobs that ended longer ago than `age`, with their progress, and return their number.
    """
    with queue_schema(conn):
        gone = conn.execute(f"delete from procrastinate_jobs where id in ({_OLD})", (age,)).rowcount
        conn.execute(
            "delete from job_progress p where not exists"
            " (select 1 from procrastinate.procrastinate_jobs j where j.id = p.job_id)"
        )
    return gone


_OLD = """
select j.id from procrastinate.procrastinate_jobs j
where j.status not in ('todo', 'doing') and not exists (
    select 1 from procrastinate.procrastinate_events e
    where e.job_id = j.id and e.at > now() - %s)
"""


@contextmanager
def queue_schema(conn: Connection) -> Iterator[None]:
    """
    A transaction in which the queue's functions and triggers find their tables.

    They name them without a schema.
    """
    with conn.transaction():
        conn.execute(
            "select set_config('attune.path', current_setting('search_path'), true),"
            " set_config('search_path', %s || ', ' || current_setting('search_path'), true)",
            (SCHEMA,),
        )
        yield
        conn.execute("select set_config('search_path', current_setting('attune.path'), true)")


def _waits_already(conn: Connection, queueing_lock: str | None) -> str:
    row = conn.execute(
        "select id from procrastinate.procrastinate_jobs"
        " where queueing_lock = %s and status = 'todo'",
        (queueing_lock,),
    ).fetchone()
    return f"The same is queued already as job {row[0]}." if row else "The same is queued already."
