"""A Space: its disk is lost with every stop, and `ATTUNE_BACKUP` brings everything back."""

from __future__ import annotations

import random
import re
import shutil
import signal
import time
from contextlib import contextmanager

import psutil
import pytest

from app.actions.backup.place import BackupPlace
from pipelines.store import chats
from tests import scratch
from tests.fakes import build_tiny_model
from tests.serving import Served
from tests.workers import until

pytestmark = pytest.mark.long

KILLS = 2
# What a container has from SIGTERM to SIGKILL.
CONTAINER_S = 10


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(build_tiny_model(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture
def space(model, tmp_path):
    """Machines with an empty disk each, and one place of backups."""
    machines = []

    def machine(**environment):
        home = scratch.folder()
        backup = {"ATTUNE_BACKUP": str(tmp_path / "place"), "ATTUNE_DEVICE": "cpu"}
        machines.append(Served(home, ATTUNE_BASE_MODEL=model, **backup | environment))
        return machines[-1]

    yield machine
    for served in machines:
        if served.running:
            served.stop(signal.SIGKILL)
        end_all(served.home)
        shutil.rmtree(served.home, ignore_errors=True)


def end_all(home):
    """The rest of a machine goes as well: the embedded database of a killed server lives on."""
    for process in psutil.process_iter(["cmdline"]):
        if str(home) in " ".join(process.info["cmdline"] or []):
            process.kill()
            psutil.wait_procs([process], timeout=10)


@contextmanager
def database(served):
    """A connection to the server's own database."""
    with served.connection() as conn:
        yield conn


def ask(served, title):
    """A conversation is begun, and the connection closes."""
    with database(served) as conn:
        chats.start(conn, "ada", title)


def titles(served):
    with database(served) as conn:
        return {chat.title for chat in chats.list_mine(conn, "ada")}


@pytest.mark.alone
def test_a_space_keeps_what_it_was_given(space, tmp_path):
    """Stopped by SIGTERM, within a container's time. The next machine starts with all of it."""
    place = BackupPlace(str(tmp_path / "place"))
    first = space(ATTUNE_BACKUP_EVERY="1d")
    first.start()
    until(lambda: place.names())
    ask(first, "What of the tide?")
    seconds, code = first.stop()
    assert (seconds < CONTAINER_S, code) == (True, 143), first.log
    before, newest = place.names()
    shutil.rmtree(first.home)
    second = space()
    second.start()
    assert f"restoring the backup {newest}" in second.log
    assert titles(second) == {"What of the tide?"}
    assert place.read(before).counts["public.conversation"] == 0


@pytest.mark.alone
def test_a_stop_never_waits_beyond_its_limit(space, tmp_path):
    """A backup that cannot go on is given up, the one before stays, and nothing is left running."""
    limit_s = 5
    served = space(ATTUNE_BACKUP_EVERY="1d", ATTUNE_BACKUP_AT_STOP_S=str(limit_s))
    served.start()
    place = BackupPlace(str(tmp_path / "place"))
    until(lambda: place.names())
    taken = place.names()
    ask(served, "What of the tide?")
    with database(served) as conn:
        conn.execute("lock table evaluation in access exclusive mode")  # a dump waits for it
        seconds, code = served.stop()
    assert (seconds < limit_s + 1, code) == (True, 143), served.log
    assert re.search("not finished in time|does not end in time and is killed", served.log)
    assert (place.names(), served.processes()) == (taken, [])


def test_machines_that_are_killed_leave_a_usable_backup(space, tmp_path):
    """Killed at any moment while they back up all the time. The next one goes on from the newest."""
    place, dice, expected = BackupPlace(str(tmp_path / "place")), random.Random(0), set()
    for number in range(KILLS):
        served = space(ATTUNE_BACKUP_EVERY="1s")
        served.start()
        assert expected <= titles(served), served.log
        ask(served, title := f"Question {number}")
        held = len(titles(served))
        until(lambda held=held: conversations(place) >= held)
        expected.add(title)
        ask(served, f"Late {number}")  # it may be lost, and that is all
        time.sleep(dice.uniform(0, 1.5))
        served.stop(signal.SIGKILL)
        end_all(served.home)
    assert place.names()
    last = space()
    last.start()
    assert expected <= titles(last)


def conversations(place):
    """How many the newest snapshot holds."""
    names = place.names()
    return place.read(names[-1]).counts["public.conversation"] if names else 0
