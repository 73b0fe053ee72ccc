"""
Jobs: the queue's own rows (schema `procrastinate`, from its package) and our `job_progress`.

A job belongs to the worker that fetched it. Every write about a job names this worker (`Hold`), and
changes nothing once another worker has the job. So a process that was only stopped for a while does
no harm when it continues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipelines.errors import ConflictError
from pipelines.store.db import Connection
from pipelines.store.ids import JobId

SCHEMA = "procrastinate"
# For connections that only the queue uses.
USE_SCHEMA = f"set search_path to {SCHEMA}"
Status = Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborted"]
# `aborted` means cancelled while it ran.
ENDED = ("succeeded", "failed", "cancelled", "aborted")
RETRIED = ("failed", "cancelled", "aborted")
Rescued = Literal["queued", "aborted", "failed"]

# The queue's own statements for ending and requeueing a job do not check which worker has it.
FINISH_HELD = """
select procrastinate_finish_job_v1(j.id, %(status)s::procrastinate_job_status, false)
from (select id from procrastinate_jobs
      where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing' for update) j
"""
QUEUE_HELD = """
update procrastinate_jobs
set status = (case when abort_requested then 'aborted' else 'todo' end)::procrastinate_job_status,
    abort_requested = false, attempts = attempts + %(counted)s, scheduled_at = %(at)s
where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing'
"""

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


@dataclass(frozen=True)
class Hold:
    """A job and the worker that has it."""

    job_id: JobId
    worker_id: int


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
        with _its_schema(conn):
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
    with _its_schema(conn):
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
        with _its_schema(conn):
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


def begin(conn: Connection, hold: Hold, task: str) -> Job:
    """Record that a worker has begun a job, and return the job as an earlier attempt left it."""
    before = get(conn, hold.job_id)
    assert before is not None, "a job that a worker was given exists"
    conn.execute(
        "insert into job_progress (job_id, task) values (%s, %s) on conflict (job_id) do update"
        " set fault = null, started_at = now(), updated_at = now()",
        (hold.job_id, task),
    )
    return before


def holds(conn: Connection, hold: Hold) -> bool:
    """Whether the worker still has the job."""
    row = conn.execute(
        "select exists (select 1 from procrastinate.procrastinate_jobs"
        " where id = %s and worker_id = %s and status = 'doing')",
        (hold.job_id, hold.worker_id),
    ).fetchone()
    return row is not None and bool(row[0])


def note(
    conn: Connection,
    hold: Hold,
    stage: str,
    done: int = 0,
    total: int | None = None,
    rate: float | None = None,
    eta_s: float | None = None,
    item: str = "",
) -> bool:
    """
    Store a job's progress.

    :returns: False if the worker no longer has the job.
    """
    return _write(
        conn,
        hold,
        "stage = %s, done = %s, total = %s, rate = %s, eta_s = %s, item = %s",
        (stage, done, total, rate, eta_s, item),
    )


def set_result(conn: Connection, hold: Hold, result: Any) -> bool:
    """
    Store a job's result.

    Called in the transaction that does the job's work, it makes the work happen only once, because
    a job with a result is not done again.

    :returns: False if the worker no longer has the job.
    """
    return _write(conn, hold, "result = %s, fault = null, eta_s = null", (Jsonb(result),))


def set_fault(conn: Connection, hold: Hold, fault: str) -> bool:
    """
    Store in one sentence why a job failed.

    :returns: False if the worker no longer has the job.
    """
    return _write(conn, hold, "fault = %s, eta_s = null", (fault,))


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
    with _its_schema(conn):
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
    with _its_schema(conn):
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
    with _its_schema(conn):
        return conn.execute(
            "update procrastinate_jobs set status = (case when abort_requested"
            " then 'aborted' else 'todo' end)::procrastinate_job_status,"
            " abort_requested = false, scheduled_at = now(), worker_id = null"
            " where status = 'doing' and worker_id = any(%s)",
            (list(workers),),
        ).rowcount


def any_old(conn: Connection, age: timedelta) -> bool:
    """Whether `forget_old` would delete anything."""
    row = conn.execute(f"select exists ({_OLD})", (age,)).fetchone()
    return row is not None and bool(row[0])


def forget_old(conn: Connection, age: timedelta) -> int:
    """
    Delete jobs that ended longer ago than `age`, with their progress, and return their number.
    """
    with _its_schema(conn):
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
def _its_schema(conn: Connection) -> Iterator[None]:
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


def _write(conn: Connection, hold: Hold, columns: str, values: Sequence[object]) -> bool:
    return (
        conn.execute(
            f"update job_progress set {columns}, updated_at = now() where job_id = %s and exists"
            " (select 1 from procrastinate.procrastinate_jobs where id = %s and worker_id = %s"
            " and status = 'doing' for share)",
            (*values, hold.job_id, hold.job_id, hold.worker_id),
        ).rowcount
        == 1
    )


def _end_of(stopping: bool, attempts: int, most_attempts: int) -> Rescued:
    if stopping:
        return "aborted"
    return "failed" if attempts + 1 >= most_attempts else "queued"


def _waits_already(conn: Connection, queueing_lock: str | None) -> str:
    row = conn.execute(
        "select id from procrastinate.procrastinate_jobs"
        " where queueing_lock = %s and status = 'todo'",
        (queueing_lock,),
    ).fetchone()
    return f"The same is queued already as job {row[0]}." if row else "The same is queued already."
