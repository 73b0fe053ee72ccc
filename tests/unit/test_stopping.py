"""Signals to the process that makes backups."""

import signal

import pytest

from app.worker import backups
from pipelines.progress import Stopped


def test_one_signal_that_comes_twice_still_leaves_time_for_the_last_backup(monkeypatch):
    """As a service manager sends it: to the server, which passes it on, and to this process."""
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    stopping = backups.Stopping()
    assert not stopping
    stopping.hear(signal.SIGTERM, None)
    now += backups.DOUBLED_S / 2
    stopping.hear(signal.SIGTERM, None)
    assert stopping
    now += backups.DOUBLED_S
    with pytest.raises(Stopped):
        stopping.hear(signal.SIGTERM, None)
