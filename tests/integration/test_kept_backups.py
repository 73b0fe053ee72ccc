"""Scheduled backups: only where something changed, in turns, and restored into an empty start."""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from app import doctor
from app.actions.backup import action, keeping
from app.actions.backup.place import BackupPlace
from app.services import open_services
from app.settings import Settings
from app.web.app import create_app
from pipelines.errors import ArtifactError, NotReadyError
from pipelines.store import backups, chats, snapshots
from tests import versions as made
from tests.corpus import add_document
from tests.leaving import until_left


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "place")


@pytest.fixture
def one(dsn, tiny_model, place, tmp_path):
    settings = Settings(
        home=tmp_path / "one", DATABASE_URL=dsn, base_model=str(tiny_model), backup=place,
        backup_keep=3,
    )  # fmt: skip
    with open_services(settings) as opened, opened.pool.connection() as conn:
        add_document(conn, opened.replica.current(), "one", made.passages(12))
    until_left(dsn)  # by then the server has counted what they wrote
    return settings


def kept(settings):
    return keeping.keep(settings, settings.database_url.get_secret_value(), now=True)


def write(settings, title="What of the tide?"):
    """A change that the server has counted."""
    with psycopg.connect(settings.database_url.get_secret_value()) as conn:
        chats.start(conn, "ada", title)
        conn.execute("select pg_stat_force_next_flush()")


def state_of(settings):
    with psycopg.connect(settings.database_url.get_secret_value()) as conn:
        return backups.get(conn)


def test_only_what_has_changed_is_backed_up(one, place):
    """The second time nothing has. Signs of life of servers and browsers are no change."""
    first = kept(one)
    assert first.snapshot.counts["public.document"] == 1
    before = state_of(one)
    with psycopg.connect(one.database_url.get_secret_value()) as conn:
        conn.execute("insert into login_link (token_sha256, expires_at) values ('x', now())")
    assert kept(one) is None
    after = state_of(one)
    assert after.current_at > before.current_at
    assert after.taken_at == before.taken_at
    write(one)
    second = kept(one)
    assert BackupPlace(place).names() == [first.snapshot.name, second.snapshot.name]
    assert second.snapshot.counts["public.conversation"] == 1


def test_it_waits_for_its_time(one):
    dsn = one.database_url.get_secret_value()
    assert keeping.keep(one, dsn) is not None
    write(one)
    assert keeping.keep(one, dsn) is None
    assert keeping.keep(one.model_copy(update={"backup_every": "1s"}), dsn, now=True) is not None


def test_a_turn_is_over_when_it_ends(one):
    """The next one need not wait for a connection to be gone."""
    dsn = one.database_url.get_secret_value()
    for _ in range(30):
        with backups.turn(dsn) as conn:
            assert conn is not None


def test_machines_take_turns(one):
    """Whoever comes while another one is at it leaves it to that one."""
    with backups.turn(one.database_url.get_secret_value()) as conn:
        assert conn is not None
        assert kept(one) is None
    assert kept(one) is not None


def test_another_place_and_a_lost_snapshot_get_a_new_one(one, place, tmp_path, caplog):
    kept(one)
    elsewhere = one.model_copy(update={"backup": str(tmp_path / "elsewhere")})
    assert kept(elsewhere) is not None
    assert kept(one) is not None
    shutil.rmtree(place)
    assert kept(one) is not None
    assert "is gone" in caplog.text
    assert kept(one) is None


def test_a_failure_is_told_everywhere_and_stops_nothing(one, place, tmp_path, caplog):
    """Log, metric, `doctor`, admin overview. All are calm again after the next success."""
    kept(one)
    Path(tmp_path / "file").write_text("no folder")
    broken = one.model_copy(update={"backup": str(tmp_path / "file" / "place")})
    write(one)
    with caplog.at_level(logging.ERROR):
        assert kept(broken) is None
    assert "the backup failed: " in caplog.text
    with open_services(broken) as opened:
        (check,) = (c for c in doctor.examine_services(opened) if c.name == "backup")
        assert (check.state, "failed" in check.detail) == ("warning", True)
        with TestClient(create_app(opened), base_url="http://127.0.0.1") as client:
            assert "attune_backup_failed 1.0" in client.get("/metrics").text
            assert kept(one) is not None
            figures = client.get("/metrics").text
    assert "attune_backup_failed 0.0" in figures
    taken = next(
        line for line in figures.splitlines() if line.startswith("attune_backup_timestamp")
    )
    assert time.time() - 100 < float(taken.split()[1]) <= time.time() + 1


def test_a_new_key_of_encryption_is_no_failure(one, place):
    """The older backups cannot be read any more, and stay until they are forgotten."""
    for number in range(5):
        write(one, f"Question {number}")
        key = type(one.backup_key)(f"key {number}")
        assert kept(one.model_copy(update={"backup_key": key})) is not None
    assert state_of(one).failed_at is None


def another(one, empty_dsn, tmp_path):
    fields = {"home": tmp_path / "two", "database_url": type(one.backup_key)(empty_dsn)}
    return one.model_copy(update=fields)


def test_an_empty_installation_gets_the_newest_backup(one, empty_dsn, tmp_path):
    """Documents and conversations are there. A second start restores nothing."""
    kept(one)
    write(one)
    newest = kept(one)
    two = another(one, empty_dsn, tmp_path)
    assert keeping.restore_into_empty(two).snapshot.name == newest.snapshot.name
    assert keeping.restore_into_empty(two) is None
    with open_services(two) as opened, opened.pool.connection() as conn:
        assert [chat.title for chat in chats.list_mine(conn, "ada")] == ["What of the tide?"]
        assert opened.answerer.search(made.passages(12)[0], opened.replica.current()).hits
    assert kept(two) is not None


def test_a_damaged_backup_gives_way_to_the_one_before(one, empty_dsn, place, tmp_path, caplog):
    before = kept(one)
    write(one)
    newest = kept(one)
    harmed = Path(place) / "snapshots" / newest.snapshot.name / "database"
    harmed.write_bytes(harmed.read_bytes()[:-50])
    two = another(one, empty_dsn, tmp_path)
    with caplog.at_level(logging.ERROR):
        assert keeping.restore_into_empty(two).snapshot.name == before.snapshot.name
    assert "damaged" in caplog.text


def test_nothing_starts_where_the_backups_cannot_be_used(one, empty_dsn, place, tmp_path):
    """An empty start would be backed up in place of what is there. A first start is empty."""
    two = another(one, empty_dsn, tmp_path)
    assert keeping.restore_into_empty(two) is None
    done = kept(one)
    (Path(place) / "snapshots" / done.snapshot.name / "database").write_bytes(b"")
    with pytest.raises(ArtifactError, match="no usable backup"):
        keeping.restore_into_empty(two)
    (tmp_path / "file").write_text("")
    with unreadable(Path(place) / "snapshots"), pytest.raises(NotReadyError):
        keeping.restore_into_empty(two, wait_s=0.5)
    with psycopg.connect(empty_dsn) as conn:
        assert snapshots.is_empty(conn)


@contextmanager
def unreadable(folder):
    """A folder that is a link to itself, as root can read every real one."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.symlink_to(folder)
    yield
    folder.unlink()
    aside.rename(folder)


def test_the_overview_has_a_card_and_a_line(one):
    """With the reason, before anything else that is to do."""
    from app.admin.html import overview as html
    from app.admin.html.suggestions import Facts, suggest

    kept(one)
    state = state_of(one)
    title, value, remark = html.backup(state)
    assert (title, "ago" in str(value) or "now" in str(value)) == ("Last backup", True)
    assert "MB" in str(remark)
    assert html.backup(replace(state, taken_at=None))[1] == "none yet"
    found = suggest(Facts(own_documents=1, backup_fault="no such bucket"))
    assert found[0].fact == "The last backup failed: no such bucket"


def test_the_place_is_shown_by_doctor(one):
    kept(one)
    with open_services(one) as opened:
        (check,) = (c for c in doctor.examine_services(opened) if c.name == "backup")
    assert check.state == "ok"
    assert one.backup in check.detail
    assert Settings.model_fields["backup_keep"].default == action.KEEP
