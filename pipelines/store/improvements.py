"""Rows of `improvement` and `improve_schedule`: attempts to improve the search, and when one is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

from pipelines.errors import BusyError
from pipelines.store import db, scope
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import EvaluationId, RunId
from pipelines.store.rows import class_row

Outcome = Literal["promoted", "kept", "nothing", "failed", "stopped"]
Every = Literal["off", "weekly", "votes"]
# Any number that no other advisory lock has (`db`).
LOCK = 7201_0004


@dataclass(frozen=True)
class Improvement:
    """
    One attempt to improve the search and its steps so far.

    `ended_at` is None while it runs, and after it was cut off.

    :param before: The version that served when it began.
    :param pairs: The result of making pairs, or None before that step is done.
    :param version: The version that it trained, or None before that step is done.
    """

    id: int
    who: str
    before: str
    pairs: dict[str, Any] | None
    run_id: RunId | None
    version: str | None
    evaluation_id: EvaluationId | None
    outcome: Outcome | None
    sentence: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Schedule:
    """
    When to improve the search unasked. `votes` is the number of new votes for the schedule
    ``votes``.
    """

    every: Every = "off"
    votes: int = 0
    set_by: str = ""
    set_at: datetime | None = None


@dataclass(frozen=True)
class Fresh:
    """Counts of new documents, pairs with wrong passages, and votes on answers."""

    documents: int
    pairs: int
    votes: int

    @property
    def anything(self) -> bool:
        """Whether anything is new."""
        return bool(self.documents or self.pairs or self.votes)


@contextmanager
def alone(pool: Pool) -> Iterator[None]:
    """
    Take the lock for improving the search, one for all machines.

    :raises BusyError: Another process has it.
    """
    with db.connect_alone(pool) as conn:
        row = conn.execute("select pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
        if row is None or not row[0]:
            raise BusyError("Another process is improving the search: attune jobs list")
        try:
            yield
        finally:
            # Closing alone would release it too, but a moment after the next attempt may ask.
            with suppress(psycopg.OperationalError):
                conn.execute("select pg_advisory_unlock(%s)", (LOCK,))


def unfinished(conn: Connection) -> Improvement | None:
    """The attempt that has not ended, if there is one."""
    with conn.cursor(row_factory=class_row(Improvement)) as cursor:
        return cursor.execute("select * from improvement where ended_at is null").fetchone()


def latest(conn: Connection) -> Improvement | None:
    """The newest attempt, ended or not."""
    with conn.cursor(row_factory=class_row(Improvement)) as cursor:
        return cursor.execute("select * from improvement order by id desc limit 1").fetchone()


def add(conn: Connection, *, who: str, before: str) -> Improvement:
    """Begin an attempt, with no step done."""
    with conn.cursor(row_factory=class_row(Improvement)) as cursor:
        row = cursor.execute(
            "insert into improvement (who, before) values (%s, %s) returning *", (who, before)
        ).fetchone()
    assert row is not None
    return row


def note(
    conn: Connection,
    one: int,
    *,
    pairs: Mapping[str, Any] | None = None,
    run_id: RunId | None = None,
    version: str | None = None,
    evaluation_id: EvaluationId | None = None,
) -> Improvement:
    """
    Record finished steps of an attempt and return the attempt. Fields that are not given stay.
    """
    with conn.cursor(row_factory=class_row(Improvement)) as cursor:
        row = cursor.execute(
            "update improvement set pairs = coalesce(%s, pairs), run_id = coalesce(%s, run_id),"
            " version = coalesce(%s, version), evaluation_id = coalesce(%s, evaluation_id)"
            " where id = %s returning *",
            (None if pairs is None else Jsonb(dict(pairs)), run_id, version, evaluation_id, one),
        ).fetchone()
    assert row is not None
    return row


def end(conn: Connection, one: int, outcome: Outcome, sentence: str) -> Improvement:
    """Record an attempt's outcome and return the attempt."""
    with conn.cursor(row_factory=class_row(Improvement)) as cursor:
        row = cursor.execute(
            "update improvement set outcome = %s, sentence = %s, ended_at = clock_timestamp()"
            " where id = %s returning *",
            (outcome, sentence, one),
        ).fetchone()
    assert row is not None
    return row


def schedule(conn: Connection) -> Schedule:
    """When to improve the search unasked."""
    with conn.cursor(row_factory=class_row(Schedule)) as cursor:
        row = cursor.execute("select every, votes, set_by, set_at from improve_schedule").fetchone()
    return row or Schedule()


def set_schedule(conn: Connection, every: Every, votes: int, *, who: str) -> None:
    """Change when to improve the search unasked."""
    conn.execute(
        "insert into improve_schedule (every, votes, set_by) values (%s, %s, %s)"
        " on conflict (only_row) do update set every = excluded.every, votes = excluded.votes,"
        " set_by = excluded.set_by, set_at = now()",
        (every, votes, who),
    )


def fresh(conn: Connection, last: Improvement | None, *, bundled: str) -> Fresh:
    """
    Count what was added since an attempt, or ever if `last` is None.

    :param bundled: Collection that is shipped with the application. It does not count, and
        visitors' own files do not count either.
    """
    # The pairs that the attempt itself made were created before its end.
    began, ended = (None, None) if last is None else (last.created_at, last.ended_at)
    with conn.cursor(row_factory=class_row(Fresh)) as cursor:
        row = cursor.execute(
            "select (select count(*) from document where status = 'indexed'"
            "  and collection <> %(bundled)s and not starts_with(collection, %(private)s)"
            "  and updated_at > coalesce(%(began)s::timestamptz, '-infinity')) as documents,"
            " (select count(*) from pair where status = 'accepted' and split = 'train'"
            "  and (created_at > coalesce(%(ended)s::timestamptz, %(began)s::timestamptz, '-infinity')"
            "   or reviewed_at > coalesce(%(began)s::timestamptz, '-infinity')))"
            " + (select count(*) from wrong_passage where status = 'accepted'"
            "  and coalesce(reviewed_at, created_at)"
            "   > coalesce(%(began)s::timestamptz, '-infinity')) as pairs,"
            " (select count(*) from feedback"
            "  where created_at > coalesce(%(began)s::timestamptz, '-infinity')) as votes",
            {
                "bundled": bundled,
                "private": scope.PRIVATE_PREFIX,
                "began": began,
                "ended": ended,
            },
        ).fetchone()
    assert row is not None
    return row
