"""
Jobs: the queue's own rows (schema `procrastinate`, its package's) and `job_progress` beside them.

A job belongs to the worker that took it. Whatever a worker writes about a job says which worker it
is (`Hold`), and changes nothing once another one has been given the job: a process that was only
stopped for a while does no harm when it goes on.
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
# For connections that are the queue's alone.
USE_SCHEMA = f"set search_path to {SCHEMA}"
Status = Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborted"]
# `aborted` was cancelled while it ran.
ENDED = ("succeeded", "failed", "cancelled", "aborted")
RETRIED = ("failed", "cancelled", "aborted")
Rescued = Literal["queued", "aborted", "failed"]

# The queue's own ways of ending a job and of queueing it again ask nobody whose job it is.
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
       -- The queue counts the attempt that brought the end as well.
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
    One job and how far it is. `stopping`: it runs, and has been asked to stop.

    `args` hold who asked for it, too. `item`: what it is at, e.g. the name of a file. `total`, `rate` (a second) and `eta_s`: None where not known.
    `started_at` is the last attempt's; `attempts` counts those that ended without an outcome.
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
    """Jobs, newest first; None: of any task, in any state."""
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
    """How many jobs are in each state."""
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
    A new job, which waits; workers hear of it when the caller's transaction commits.

    :param lock: Of two jobs with the same one, one runs at a time.
    :param queueing_lock: Of two jobs with the same one, one waits at a time.
    :raises ConflictError: A job with this queueing lock waits already.
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
    """Take a waiting job back, or ask a running one to stop; False: it has ended, or never was."""
    with _its_schema(conn):
        row = conn.execute(
            "select procrastinate_cancel_job_v1(%s, true, false)", (job_id,)
        ).fetchone()
    return row is not None and row[0] is not None


def retry(conn: Connection, job_id: JobId) -> bool:
    """
    Queue a job again that failed or was cancelled, its count of attempts anew; False: it is in
    another state.

    :raises ConflictError: One like it waits already.
    """
    try:
        with _its_schema(conn):
            row = conn.execute(
                "update procrastinate_jobs"
                " set status = 'todo', abort_requested = false, attempts = 0, scheduled_at = now()"
                " where id = %s and status::text = any(%s) returning id",
                (job_id, list(RETRIED)),
            ).fetchone()
            if row is not None:  # what came of any other job stays
                conn.execute(
                    "update job_progress set stage = '', item = '', done = 0, total = null,"
                    " rate = null, eta_s = null, result = null, fault = null, updated_at = now()"
                    " where job_id = %s",
                    (job_id,),
                )
    except UniqueViolation:
        raise ConflictError("A job like this one waits already.") from None
    return row is not None


def begin(conn: Connection, hold: Hold, task: str) -> Job:
    """
    Note that a worker has begun a job; the job as an earlier attempt left it, if there was one.
    """
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
    """Store how far a job is; False: it is no longer the worker's."""
    return _write(
        conn,
        hold,
        "stage = %s, done = %s, total = %s, rate = %s, eta_s = %s, item = %s",
        (stage, done, total, rate, eta_s, item),
    )


def set_result(conn: Connection, hold: Hold, result: Any) -> bool:
    """
    Store what a job ended with; False: it is no longer the worker's.

    In the transaction that does the job's work it makes the work happen once: a job that has a
    result is not done again.
    """
    return _write(conn, hold, "result = %s, fault = null, eta_s = null", (Jsonb(result),))


def set_fault(conn: Connection, hold: Hold, fault: str) -> bool:
    """Store why a job failed, in one sentence; False: it is no longer the worker's."""
    return _write(conn, hold, "fault = %s, eta_s = null", (fault,))


def rescue(conn: Connection, silent: timedelta, most_attempts: int) -> list[tuple[JobId, Rescued]]:
    """
    Queue jobs again whose worker is gone, or has not been heard of for `silent`; what became of
    each. One that was asked to stop is aborted, as is one beside which another of its kind waits
    or runs (only one may); one that was begun too often has failed.
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
    """The same for the jobs of workers that are gone for certain, without waiting for silence."""
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
    Lock the running jobs `j` of workers `w` that a condition holds for; of each, whether it is to
    stop (somebody asked for it, or another of its kind waits or runs), and its attempts.
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
    """Take a job from the worker that had it, with one attempt more, and for a failed one the reason."""
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
    """Note that these workers live."""
    conn.execute(
        "update procrastinate.procrastinate_workers set last_heartbeat = now() where id = any(%s)",
        (list(workers),),
    )


def all_heard_of(conn: Connection, workers: Sequence[int], silent: timedelta) -> bool:
    """Whether each of these workers is known, and was heard of within `silent`."""
    row = conn.execute(
        "select count(*) = %s from procrastinate.procrastinate_workers"
        " where id = any(%s) and last_heartbeat >= clock_timestamp() - %s",
        (len(workers), list(workers), silent),
    ).fetchone()
    return row is not None and bool(row[0])


def live_workers(conn: Connection, silent: timedelta = timedelta(seconds=30)) -> int:
    """How many of the queue's workers were heard of lately: one for each queue of a process."""
    row = conn.execute(
        "select count(*) from procrastinate.procrastinate_workers"
        " where last_heartbeat >= clock_timestamp() - %s",
        (silent,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def release(conn: Connection, workers: Sequence[int]) -> int:
    """Give back what workers that are about to end still have; how many jobs."""
    with _its_schema(conn):
        return conn.execute(
            "update procrastinate_jobs set status = (case when abort_requested"
            " then 'aborted' else 'todo' end)::procrastinate_job_status,"
            " abort_requested = false, scheduled_at = now(), worker_id = null"
            " where status = 'doing' and worker_id = any(%s)",
            (list(workers),),
        ).rowcount


def any_old(conn: Connection, age: timedelta) -> bool:
    """Whether `forget_old` has something to do."""
    row = conn.execute(f"select exists ({_OLD})", (age,)).fetchone()
    return row is not None and bool(row[0])


def forget_old(conn: Connection, age: timedelta) -> int:
    """Remove jobs that ended longer ago than `age`, with what they reported; how many."""
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
    A transaction in which the queue's functions and triggers find their tables, which they name
    without a schema.
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
    return f"The same waits already as job {row[0]}." if row else "The same job waits already."
