"""The command and the worker follow sources, through kills."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import pytest

from app.actions.sources import registry, schedule
from app.cli import main
from pipelines.store import jobs, source_runs
from tests.forking import fork
from tests.syncing import titles
from tests.workers import working

pytestmark = pytest.mark.long

# A command loads its libraries for a minute on a busy machine.
PATIENCE_S = 300


def noted(services):
    """The paths of the pages that need not be read again."""
    with services.pool.connection() as conn:
        found = conn.execute("select key from source_entry where failure is null").fetchall()
    return {urlsplit(key).path for (key,) in found}


def command(environment, log, *arguments):
    """A command in a process of its own, with its output in a file."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    given = {**kept, **environment, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return fork(_attune, *arguments, environment=given, out=log)


def _attune(*arguments):
    sys.argv = ["attune", *arguments]
    main.process()


@pytest.fixture
def sync(environment, monkeypatch, run_command):
    """
    Runs `attune sync` in this process, where no libraries have to be loaded.

    :returns: Exit code, stdout and stderr.
    """
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return partial(run_command, "sync")


def test_a_killed_run_goes_on_with_the_rest(services, environment, sync, site, tmp_path):
    """SIGKILL in the middle of a website: what is in stays, and is not fetched again."""
    for n in range(60):
        site.page(f"/docs/p{n}.html", f"Page {n} tells of {n} ships.")
    site.page("/docs/", "The start.", *(f"p{n}.html" for n in range(60)))
    site.delay_s = 0.1
    log = tmp_path / "log"
    process = command(environment, log, "sync", site.url + "/docs/", "--json")
    until(lambda: noted(services), process, log)
    process.kill()
    process.wait()
    before = noted(services)
    assert len(titles(services, "indexed")) < 61
    with services.pool.connection() as conn:
        (run,) = source_runs.latest(conn).values()
    assert run.ended_at is None
    site.delay_s = 0
    site.asked.clear()
    code, out, err = sync(site.url + "/docs/", "--json")
    assert code == 0, err
    assert len(titles(services, "indexed")) == 61
    assert max(Counter(titles(services)).values()) == 1
    with services.pool.connection() as conn:
        (after,) = source_runs.latest(conn).values()
    assert (after.id, after.outcome) == (run.id, "done")
    assert not before & set(site.paths()) - {"/docs/"}
    assert json.loads(out)["incomplete"] == ""


def test_the_command_says_what_became_of_each_file(sync, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    code, out, err = sync(str(folder))
    assert code == 10, err
    lines = out.splitlines()
    assert sum(line.startswith("added      ") for line in lines) == 7
    assert sum(line.startswith("failed     broken.pdf  ") for line in lines) == 1
    assert lines[-1].startswith("7 added, 1 failed.")
    (folder / "broken.pdf").unlink()
    for name in ("one", "two", "three"):
        (folder / f"{name}.md").unlink()
    code, out, err = sync(str(folder), "--delete", "--json")
    assert code == 7, err
    told = json.loads(out)
    assert (told["waiting"], told["deleted"], told["unchanged"]) == (4, 0, 4)
    assert json.loads(sync(str(folder), "--yes", "--json")[1])["deleted"] == 4
    (listed,) = json.loads(sync("--json")[1])["sources"]
    assert (listed["source"], listed["files"], listed["deletes"]) == (str(folder), 4, True)


def test_watching_picks_up_a_change(services, environment, folder, tmp_path):
    log = tmp_path / "log"
    process = command(environment, log, "sync", str(folder), "--watch")
    try:
        until(lambda: len(titles(services, "indexed")) == 7, process, log)
        (folder / "later.md").write_text("This came later.")
        until(lambda: "later.md" in titles(services, "indexed"), process, log)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert process.returncode == 130, log.read_text()


def test_a_worker_reads_what_is_due(services, environment, folder, dsn, tiny_model, tmp_path):
    """A schedule, a run that waits for a confirmation, and a confirmed one."""
    source = registry.find_or_add(services, str(folder), "default", who="ada")
    registry.change(services, source.id, deletes=True, every_minutes=60, who="ada")
    with services.pool.connection() as conn:
        assert [one.id for one in schedule.due(conn)] == [source.id]
    with working(tmp_path / "home", dsn, tiny_model, queues="documents,index") as worker:
        until(lambda: len(titles(services, "indexed")) == 7, worker.process, worker.out)
        until(lambda: _latest(services).outcome == "done", worker.process, worker.out)
        with services.pool.connection() as conn:
            assert schedule.due(conn) == []
            later = datetime.now(UTC) + timedelta(minutes=61)
            assert [one.id for one in schedule.due(conn, later)] == [source.id]
        for name in ("one", "two"):
            (folder / f"{name}.md").unlink()
        schedule.queue_one(services, source, who="ada")
        until(lambda: _latest(services).outcome == "waiting", worker.process, worker.out)
        assert len(titles(services)) == 7
        schedule.queue_one(services, source, who="ada", confirmed=True)
        until(lambda: "2 deleted" in _said(services), worker.process, worker.out)
    assert len(titles(services)) == 5


def _said(services):
    """What the newest job came to."""
    with services.pool.connection() as conn:
        (job, *_) = jobs.recent(conn, tasks=["sync"])
    return (job.result or {}).get("sentence", "")


def _latest(services):
    with services.pool.connection() as conn:
        (run,) = source_runs.latest(conn).values()
    return run


def until(holds, process, log):
    """Wait until a condition is true. The process must live until then."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
