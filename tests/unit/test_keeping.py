"""Which backups remain, and when the next one is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.actions.backup import keeping
from app.actions.backup.place import kept_names, shown
from pipelines.store.backups import BackupState

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def state(*, current_h=None, failed_h=None):
    def ago(hours):
        return None if hours is None else NOW - timedelta(hours=hours)

    return BackupState("", "", 0, "", ago(current_h), ago(current_h), ago(failed_h), "")


def test_the_newest_remain_and_the_last_of_each_day_before():
    names = ["20260517T01", "20260518T01", "20260518T09", "20260519T01", "20260519T02",
             "20260519T03", "20260520T01", "20260520T02"]  # fmt: skip
    assert kept_names(names, 2) == names[-2:]
    # The 20th is among the newest already.
    assert kept_names(names, 2, 2) == ["20260518T09", "20260519T03", *names[-2:]]
    assert kept_names(names, 4, 9) == ["20260517T01", "20260518T09", *names[-4:]]
    assert kept_names(names[:1], 7, 7) == names[:1]
    assert kept_names([], 7, 7) == []


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        (state(), True),
        (state(current_h=0.9), False),
        (state(current_h=1), True),
        (state(current_h=5, failed_h=0.05), False),  # three minutes ago
        (state(current_h=0.5, failed_h=0.1), True),  # a failed one is tried again sooner
    ],
)
def test_a_backup_is_due_after_its_time_or_a_failure(seen, due):
    assert keeping.is_due(seen, HOUR, NOW) is due


def test_silence_of_two_periods_is_late():
    assert not keeping.is_late(state(), HOUR, NOW)
    assert not keeping.is_late(state(current_h=2.1), HOUR, NOW)
    assert keeping.is_late(state(current_h=2.2), HOUR, NOW)


def test_an_address_is_shown_without_its_password():
    assert shown("ftp://ada:secret@host/backups") == "ftp://host/backups"
    assert shown("hf://datasets/ada/backups") == "hf://datasets/ada/backups"
    assert shown("s3://bucket/a@b") == "s3://bucket/a@b"
