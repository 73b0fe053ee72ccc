"""Backups: a whole installation on another machine, and nothing half-restored."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.actions import retrain, versions
from app.actions.backup import action
from app.actions.backup.place import BackupPlace
from app.services import open_services
from app.settings import Settings
from pipelines.errors import ArtifactError, ConflictError, InputError
from pipelines.store import chats, snapshots
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model

KILLS = 6


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "place")


@pytest.fixture
def given(dsn, tiny_model, tmp_path):
    return {"home": tmp_path / "one", "DATABASE_URL": dsn, "base_model": str(tiny_model),
            "database_model_mb": 0}  # fmt: skip


@pytest.fixture
def one(given, tmp_path):
    """An installation whose second version serves; its files are on its disk alone."""
    settings = Settings(**given)
    with open_services(settings) as opened:
        with opened.pool.connection() as conn:
            add_document(conn, opened.replica.current(), "one", made.passages(12))
            chats.start(conn, "ada", "What of the tide?")
        larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
        made.register(opened.pool, larger, "v1", tmp_path / "one" / "models")
        _promote_unshared(opened)
    return settings


def _stored(place):
    return [path.read_bytes() for path in place.rglob("*") if path.is_file()]


def _promote_unshared(opened):
    """As with an embedded database, which shares its disk with the files."""
    from dataclasses import replace

    options = replace(opened.options, database_mb=None)
    retrain.promote(replace(opened, options=options), "v1", who="test", override="It is a test.")


def another(one, empty_dsn, tmp_path, name="two"):
    """The settings of a machine with an empty home and database."""
    database = {"DATABASE_URL": empty_dsn, "home": tmp_path / name}
    return Settings(**database, base_model=one.base_model, database_model_mb=0)


def answers(settings):
    with open_services(settings) as opened:
        handle = opened.replica.current()
        found = [opened.answerer.search(text, handle).hits for text in made.passages(12)]
    return handle.model_name, [[(hit.title, hit.text, hit.score) for hit in hits] for hits in found]


def test_an_installation_moves_to_another_machine(one, empty_dsn, place, tmp_path):
    """Same answers by the same version, conversations are there, and a rollback works."""
    expected = answers(one)
    done = action.back_up(one, place)
    assert done.versions == ["base", "v1"]
    shutil.rmtree(tmp_path / "one")
    two = another(one, empty_dsn, tmp_path)
    assert action.restore(two, place).snapshot.name == done.snapshot.name
    assert answers(two) == expected
    with open_services(two) as opened:
        with opened.pool.connection() as conn:
            assert [one.title for one in chats.list_mine(conn, "ada")] == ["What of the tide?"]
        versions.roll_back(opened, who="test")
        assert opened.replica.refresh().model_name == "base"


def test_a_database_that_is_not_empty_is_left_alone(one, place):
    """Whatever it holds: the same installation, or a new one."""
    action.back_up(one, place)
    with pytest.raises(ConflictError, match="not empty"):
        action.restore(one, place)
    assert answers(one)[0] == "v1"


def test_a_backup_is_verified_by_a_restore(one, place, dsn):
    """A missing row is noticed. The scratch database is gone afterwards."""
    done = action.back_up(one, place)
    assert action.verify(one, place).snapshot == done.snapshot
    wrong = done.snapshot.counts | {"public.document": 7}
    BackupPlace(place).write(type(done.snapshot)(**vars(done.snapshot) | {"counts": wrong}))
    with pytest.raises(ArtifactError, match=r"public\.document"):
        action.verify(one, place)
    with psycopg.connect(dsn) as conn:
        left = conn.execute("select count(*) from pg_database where datname like 'attune_scratch%'")
        assert left.fetchone() == (0,)


@pytest.mark.parametrize("part", ["database", "files/"])
def test_a_damaged_backup_restores_nothing(one, empty_dsn, place, tmp_path, part):
    action.back_up(one, place)
    harmed = max((p for p in Path(place).rglob("*") if part in str(p) and p.is_file()), key=_size)
    content = bytearray(harmed.read_bytes())
    content[len(content) // 2] ^= 1
    harmed.write_bytes(content)
    two = another(one, empty_dsn, tmp_path)
    for call in (action.verify, action.restore):
        with pytest.raises(ArtifactError):
            call(one if call is action.verify else two, place)
    with psycopg.connect(empty_dsn) as conn:
        assert snapshots.is_empty(conn)


def test_an_encrypted_backup_needs_its_key(one, empty_dsn, place, tmp_path):
    """Every file is sealed: what a plain backup shows of tables and models cannot be read."""
    readable = [b"public.document", b"model.safetensors", b"sentence_embedding"]
    action.back_up(one, str(tmp_path / "plain"))
    plain = b"".join(_stored(tmp_path / "plain"))
    assert all(words in plain for words in readable)
    sealed = one.model_copy(update={"backup_key": type(one.backup_key)("a long passphrase")})
    action.back_up(sealed, place)
    stored = _stored(Path(place))
    assert all(content.startswith(b"attune-sealed-1\n") for content in stored)
    assert not any(words in b"".join(stored) for words in readable)
    two = another(one, empty_dsn, tmp_path)
    with pytest.raises(InputError, match="is encrypted"):
        action.restore(two, place)
    with pytest.raises(InputError, match="does not open"):
        action.restore(two.model_copy(update={"backup_key": type(one.backup_key)("x")}), place)
    action.restore(two.model_copy(update={"backup_key": sealed.backup_key}), place)
    assert answers(two) == answers(one)


def test_old_backups_and_their_versions_go(one, place):
    """Files of versions are stored once, and stay as long as a backup needs them."""
    names = [action.back_up(one, place, keep=2).snapshot.name for _ in range(3)]
    assert BackupPlace(place).names() == names[1:]
    assert len(list((Path(place) / "versions").iterdir())) == 2
    assert action.verify(one, place).snapshot.name == names[-1]


@pytest.mark.long
def test_a_backup_that_is_killed_leaves_the_one_before(one, empty_dsn, place, tmp_path):
    """Killed at any moment; the newest whole one is restored, and the next backup succeeds."""
    before = action.back_up(one, place).snapshot.name
    dice = random.Random(0)
    for _ in range(KILLS):
        _killed(one, ["backup", place], dice.uniform(0.8, 3))
        assert action.verify(one, place).snapshot.name >= before
    action.back_up(one, place, keep=1)
    assert len(list((Path(place) / "snapshots").iterdir())) == 1
    action.restore(another(one, empty_dsn, tmp_path), place)


def test_a_restore_that_is_killed_can_be_made_again(one, empty_dsn, place, tmp_path):
    """The database is empty or whole after each; nothing half-restored serves."""
    action.back_up(one, place)
    two, dice = another(one, empty_dsn, tmp_path), random.Random(1)
    for _ in range(KILLS):
        _killed(two, ["restore", place], dice.uniform(0.8, 3))
        _wait_idle(empty_dsn)
        with psycopg.connect(empty_dsn) as conn:
            if not snapshots.is_empty(conn):
                break
    else:
        action.restore(two, place)
    assert answers(two) == answers(one)


def _killed(settings, arguments, after_s):
    """Run a command and kill it, with what it started, after some time."""
    environment = {
        **os.environ, "DATABASE_URL": settings.database_url.get_secret_value(),
        "ATTUNE_HOME": str(settings.home), "ATTUNE_BASE_MODEL": settings.base_model,
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name("attune")), *arguments]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_idle(dsn):
    """Until the server has noticed that its client is gone."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        deadline = time.monotonic() + 20
        while conn.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid() and backend_type = 'client backend'"
        ).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_the_commands_say_what_they_did(one, empty_dsn, place, tmp_path, monkeypatch, run_command):
    """Back up, verify, restore, with exit codes."""
    monkeypatch.setenv("DATABASE_URL", one.database_url.get_secret_value())
    monkeypatch.setenv("ATTUNE_HOME", str(one.home))
    code, out, _ = run_command("backup", place, "--json")
    assert code in (0, None)
    assert json.loads(out)["documents"] == 1
    assert run_command("verify", place)[0] in (0, None)
    assert run_command("restore", place)[0] == 3
    monkeypatch.setenv("DATABASE_URL", make_conninfo(empty_dsn))
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "three"))
    code, out, _ = run_command("restore", place)
    assert code in (0, None)
    assert "1 documents" in out


def _size(path):
    return path.stat().st_size
