"""
The process that makes scheduled backups, where `ATTUNE_BACKUP` is set.

`app.watchdog.launch` starts it beside a server or worker, and ends it last. A first signal asks for
a last backup; a later one, or the end of its parent, ends it at once. A service manager may signal
all processes of a service, so that the first signal comes twice: from it and from the parent.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from types import FrameType

import psycopg

from app.actions.backup import action, keeping
from app.log import start_log
from app.settings import Settings
from app.watchdog.heartbeat import UNWATCHED, Heartbeat
from pipelines.errors import AttuneError
from pipelines.progress import Stopped
from pipelines.system.orphan import when_parent_ends

# How often the database is asked whether a backup is due, at most.
LOOK_S = 20.0
TICK_S = 0.5
# A signal so soon after the first is the same one, sent to the whole service.
DOUBLED_S = 1.0
# As low as the worker's.
NICENESS = 10

log = logging.getLogger(__name__)


def run(settings: Settings, heartbeat: Heartbeat = UNWATCHED) -> None:
    """Back up on schedule until a signal, then once more if something has changed."""
    start_log(settings, "backup")
    os.nice(NICENESS)
    when_parent_ends()
    stopping = Stopping()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopping.hear)
    try:
        # It stays open, so that the embedded database is still there at the end.
        with action.open_database(settings) as dsn:
            heartbeat.tell("ready")
            _keep_on_schedule(settings, dsn, stopping)
            if settings.backup_at_stop_s:
                _keep(settings, dsn, now=True)
    except Stopped:
        log.warning("the last backup was not finished in time; the one before stays")
    logging.shutdown()
    os._exit(143)


class Stopping:
    """
    Whether a signal has asked for the end.

    A plain field and no `threading.Event`: the handler runs in the thread that waits, which may hold
    the event's lock.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def __bool__(self) -> bool:
        return self._since is not None

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        """
        The handler of signals.

        :raises Stopped: It was asked before, too long ago for this to be the same signal.
        """
        now = time.monotonic()
        if self._since is None:
            self._since = now
        elif now - self._since > DOUBLED_S:
            raise Stopped


def _keep_on_schedule(settings: Settings, dsn: str, stopping: Stopping) -> None:
    look_s = min(LOOK_S, settings.backup_period.total_seconds() / 4)
    while not stopping:
        _keep(settings, dsn, now=False)
        again_at = time.monotonic() + look_s
        # In slices: a signal does not end a sleep.
        while time.monotonic() < again_at and not stopping:
            time.sleep(min(TICK_S, look_s))


def _keep(settings: Settings, dsn: str, *, now: bool) -> None:
    try:
        keeping.keep(settings, dsn, now=now)
    except (psycopg.Error, AttuneError) as error:  # the database is away, and cannot be told
        log.warning("no backup was made: %s", str(error).strip().split("\n")[0])
