"""
Backups that nobody has to ask for: on a schedule, at a stop, and restored at a start.

What was done last is in the database (`store/backups`), so that machines take turns and any of them
can say when the last backup was. A backup that fails is noted there, and stops nothing else.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from app.actions.backup import action
from app.actions.backup.action import BackupReport
from app.actions.backup.place import shown
from app.settings import Settings
from pipelines.errors import ArtifactError, NotReadyError
from pipelines.progress import NO_TASK, Stopped, Task
from pipelines.store import addresses, backups, snapshots
from pipelines.store.backups import BackupState
from pipelines.store.db import Connection

# A failed backup is tried again after this time, or after a shorter `ATTUNE_BACKUP_EVERY`.
RETRY_AFTER = timedelta(minutes=5)
# No backup is known for so many periods: something is wrong with whoever makes them.
LATE_PERIODS = 2
LATE_AFTER = timedelta(minutes=10)
# A place that cannot be reached at the start is tried so long.
PLACE_WAIT_S = 60.0

log = logging.getLogger(__name__)


def is_due(state: BackupState, period: timedelta, now: datetime) -> bool:
    """Whether it is time to look for changes and back them up."""
    if state.failed_at is not None:
        return now - state.failed_at >= min(period, RETRY_AFTER)
    return state.current_at is None or now - state.current_at >= period


def is_late(state: BackupState, period: timedelta, now: datetime) -> bool:
    """Whether nobody has looked for so long that something must be wrong."""
    return state.current_at is not None and (
        now - state.current_at > LATE_PERIODS * period + LATE_AFTER
    )


def keep(
    settings: Settings, dsn: str, *, now: bool = False, task: Task = NO_TASK
) -> BackupReport | None:
    """
    Back up if it is time, something has changed, and no other machine is at it.

    A failure is logged and noted in the database.

    :param dsn: Of the installation's database, past any pooler.
    :param now: Do not wait for the time.
    :returns: What was backed up. None if there was nothing to do, or it failed.
    :raises Stopped: The task was asked to stop.
    """
    with backups.turn(dsn) as conn:
        if conn is None:
            return None
        state = backups.get(conn)
        if not (now or is_due(state, settings.backup_period, datetime.now(UTC))):
            return None
        try:
            return _back_up_changes(settings, conn, state, task)
        except Stopped:
            raise
        except Exception as error:  # libraries of storage services raise errors of their own
            fault = addresses.without_password(f"{error}" or type(error).__name__, dsn)
            log.error("the backup failed: %s", fault)
            backups.note_failed(conn, fault)
            return None


def _back_up_changes(
    settings: Settings, conn: Connection, state: BackupState, task: Task
) -> BackupReport | None:
    place_sha256 = hashlib.sha256(settings.backup.encode()).hexdigest()
    # Before the snapshot's view, so that what comes between is a change.
    changes = backups.changes(conn)
    if changes and (changes, place_sha256) == (state.changes, state.place_sha256):
        if state.snapshot in action.place_of(settings, settings.backup).names():
            backups.note_current(conn)
            return None
        log.warning("the newest backup in %s is gone", shown(settings.backup))
    done = action.back_up(
        settings,
        settings.backup,
        keep=settings.backup_keep,
        days=settings.backup_keep,
        task=task,
    )
    backups.note_taken(conn, place_sha256, done.snapshot.name, done.snapshot.size_bytes, changes)
    log.info("backed up to %s: %s", shown(settings.backup), done.snapshot.name)
    return done


def restore_into_empty(settings: Settings, *, wait_s: float = PLACE_WAIT_S) -> BackupReport | None:
    """
    Restore the newest usable snapshot if the installation has none of its own data yet.

    If the place cannot be read, nothing starts: an empty installation would be backed up in place
    of what the snapshots hold.

    :returns: What was restored. None if nothing had to be, or there is no snapshot yet.
    :raises NotReadyError: The place cannot be read.
    :raises ArtifactError: There are snapshots, and all are damaged.
    """
    if not settings.backup:
        return None
    with action.open_database(settings) as dsn, backups.turn(dsn, waiting=True):
        with psycopg.connect(dsn) as conn:
            if not snapshots.is_empty(conn):
                return None
        names = _names(settings, wait_s)
        for name in reversed(names):
            log.info("restoring the backup %s from %s", name, shown(settings.backup))
            try:
                return action.restore(settings, settings.backup, name)
            except ArtifactError as error:
                log.error("%s", error)
        if names:
            raise ArtifactError(
                f"There is no usable backup in {shown(settings.backup)}. To start empty, set"
                " ATTUNE_BACKUP to another place."
            )
    return None


def _names(settings: Settings, wait_s: float) -> list[str]:
    """The snapshots, oldest first. A place that cannot be read is tried again for a while."""
    trying = Retrying(
        retry=retry_if_exception_type(NotReadyError),
        stop=stop_after_delay(wait_s),
        wait=wait_fixed(min(2.0, wait_s / 4)),
        reraise=True,
    )
    return trying(lambda: action.place_of(settings, settings.backup).names())
