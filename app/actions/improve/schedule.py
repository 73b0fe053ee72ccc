"""When the search is improved without being asked: a worker looks now and then whether it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.errors import InputError
from pipelines.store import active, improvements, jobs
from pipelines.store.db import Connection
from pipelines.store.improvements import Every, Improvement, Schedule
from pipelines.store.scope import HANDBOOK

WEEK = timedelta(days=7)
MOST_VOTES = 1_000_000
OPEN = ("todo", "doing")
WHO = "schedule"


@dataclass(frozen=True)
class ScheduleState:
    """
    The schedule as it stands.

    :param at: When it is due at the earliest. If None, it waits for votes or is off.
    :param due: Whether it is due now.
    """

    schedule: Schedule
    last: Improvement | None
    at: datetime | None
    due: bool
    sentence: str


def parse(text: str) -> tuple[Every, int]:
    """
    A schedule as people write it: ``off``, ``weekly``, or ``votes:20``.

    :raises InputError: It is none of these.
    """
    name, _, number = text.strip().partition(":")
    if name in ("off", "weekly") and not number:
        return ("off", 0) if name == "off" else ("weekly", 0)
    if name == "votes" and number.isascii() and number.isdigit() and 0 < int(number) <= MOST_VOTES:
        return "votes", int(number)
    raise InputError(f"The schedule {text!r} is none of off, weekly, votes:NUMBER.")


def show(found: Schedule) -> str:
    """The inverse of `parse`."""
    return f"votes:{found.votes}" if found.every == "votes" else found.every


def change(conn: Connection, every: Every, votes: int, *, who: str) -> None:
    """Set the schedule, and note it in the audit."""
    with conn.transaction():
        improvements.set_schedule(conn, every, votes, who=who)
        detail = {"reason": show(Schedule(every, votes))}
        active.add_audit(conn, who, "set schedule", detail)


def state(conn: Connection, now: datetime | None = None) -> ScheduleState:
    """What the schedule is, what the last one did, and when the next is due."""
    now = now or datetime.now(UTC)
    found, last = improvements.schedule(conn), improvements.latest(conn)
    if found.every == "off":
        return ScheduleState(found, last, None, False, "The search is improved when somebody asks.")
    fresh = improvements.fresh(conn, last, bundled=HANDBOOK)
    if found.every == "votes":
        due = fresh.votes >= found.votes
        sentence = f"Due after {found.votes:,} new votes; {fresh.votes:,} came in so far."
        return ScheduleState(found, last, None, due, sentence)
    since = last.created_at if last is not None else found.set_at
    assert since is not None, "a schedule that is on was set"
    at = since + WEEK
    if at > now:
        return ScheduleState(found, last, at, False, f"Due on {at:%d %B %Y}.")
    sentence = "Due now." if fresh.anything else "Due as soon as something new comes in."
    return ScheduleState(found, last, at, fresh.anything, sentence)


def is_due(conn: Connection) -> bool:
    """Whether to begin one now: the time has come, something is new, and none waits or runs."""
    if not state(conn).due:
        return False
    return not jobs.recent(conn, limit=1, tasks=["improve"], statuses=OPEN)
