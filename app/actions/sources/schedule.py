"""When a source is read without being asked: a worker looks now and then which are due."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from app import queue
from app.services import Services
from pipelines.errors import ConflictError, InputError
from pipelines.store import source_runs, sources
from pipelines.store.db import Connection
from pipelines.store.ids import JobId
from pipelines.store.sources import FollowedSource

WHO = "schedule"
NAMED = {"off": 0, "hourly": 60, "daily": 24 * 60, "weekly": 7 * 24 * 60}
FEWEST_MINUTES, MOST_MINUTES = 5, 366 * 24 * 60


def parse(text: str) -> int:
    """
    A schedule as people write it: ``off``, ``hourly``, ``daily``, ``weekly``, or minutes.

    :returns: Minutes between two runs. 0 means never.
    :raises InputError: It is none of these.
    """
    name = text.strip().lower()
    if name in NAMED:
        return NAMED[name]
    if name.isascii() and name.isdigit() and FEWEST_MINUTES <= int(name[:9]) <= MOST_MINUTES:
        return int(name)
    raise InputError(
        f"The schedule {text!r} is none of {', '.join(NAMED)}, or at least {FEWEST_MINUTES} minutes."
    )


def show(minutes: int) -> str:
    """The inverse of `parse`, for people."""
    names = {value: name for name, value in NAMED.items()}
    return names.get(minutes, f"every {minutes:,} minutes")


def due(conn: Connection, now: datetime | None = None) -> list[FollowedSource]:
    """The sources to read now: their time has come since the last run began."""
    now = now or datetime.now(UTC)
    runs = source_runs.latest(conn)
    found = []
    for source in sources.list_all(conn):
        last = runs.get(source.id)
        since = source.created_at if last is None else last.created_at
        # One that was never read is due at once.
        wait = timedelta(minutes=source.every_minutes if last is not None else 0)
        if source.every_minutes and since + wait <= now:
            found.append(source)
    return found


def queue_due(services: Services) -> None:
    """Let workers read the sources that are due, unless they wait already."""
    with services.pool.connection() as conn:
        found = due(conn)
    for source in found:
        with suppress(ConflictError):
            queue_one(services, source, who=WHO)


def queue_one(
    services: Services,
    source: FollowedSource,
    *,
    who: str,
    confirmed: bool = False,
    dry_run: bool = False,
) -> JobId:
    """
    Let a worker read a source.

    :raises ConflictError: It waits already.
    """
    return queue.defer(
        services,
        "sync",
        who=who,
        source_id=source.id,
        address=source.address,
        confirmed=confirmed,
        dry_run=dry_run,
    )
