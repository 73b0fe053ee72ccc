"""Folders and websites that the index follows, through change, faults and kills."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from app.actions.sources import reading, registry, schedule
from app.actions.sources.report import Wish
from app.sealing.secrets import KEY_FILE
from app.services import open_services
from app.settings import Settings
from pipelines.errors import AccessError, BusyError, InputError, NotReadyError
from pipelines.store import document_list, jobs, source_entries, source_runs, sources
from tests.site import Reply, Site, serving
from tests.workers import working

ROOT = Path(__file__).resolve().parents[2]
# A command loads its libraries for a minute on a busy machine.
PATIENCE_S = 300
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def environment(dsn, tiny_model, tmp_path):
    return {
        "DATABASE_URL": dsn,
        "ATTUNE_HOME": str(tmp_path / "home"),
        "ATTUNE_BASE_MODEL": str(tiny_model),
        "ATTUNE_SOURCE_NETWORKS": "127.0.0.1",
        "ATTUNE_SOURCE_DELAY_S": "0",
        "ATTUNE_DEVICE": "cpu",
    }


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    given = {"home": tmp_path / "home", "DATABASE_URL": dsn, "base_model": str(tiny_model)}
    settings = Settings(device="cpu", source_networks="127.0.0.1", source_delay_s=0, **given)
    with open_services(settings) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    for name in ("one", "two", "three", "four", "five", "six"):
        (folder / f"{name}.md").write_text(f"# The {name}\n\nThe harbour {name} has {name} ships.")
    (folder / "deep" / "seven.txt").write_text("The lamp of the seventh harbour is green.")
    return folder


@pytest.fixture
def site():
    site = Site()
    site.page("/docs/", "The start of the guide.", "a.html", "b.html", "/other/", "c.pdf")
    site.page("/docs/a.html", "Ships leave the harbour at noon.", "deep/d.html", "./")
    site.page("/docs/b.html", "The lamp is green.")
    site.page("/docs/deep/d.html", "Below the surface it is quiet.")
    site.page("/other/", "Not part of the guide.")
    site.pages["/docs/c.pdf"] = Reply(b"%PDF-1.4 and then nothing", "application/pdf")
    with serving(site):
        yield site


def follow(services, address, *, deletes=None, **wish):
    source = registry.find_or_add(services, str(address), "default", who="ada")
    if deletes is not None:
        source = registry.change(services, source.id, deletes=deletes, who="ada")
    return reading.read(services, source, Wish(**wish), who="ada")


def counts(report):
    return {what: n for what, n in report.counts.items() if n}


def titles(services, status=None):
    with services.pool.connection() as conn:
        found = [row.document for row in document_list.list_all(conn)]
    return sorted(d.title for d in found if status is None or d.status == status)


def noted(services):
    """The paths of the pages that need not be read again."""
    with services.pool.connection() as conn:
        found = conn.execute("select key from source_entry where failure is null").fetchall()
    return {urlsplit(key).path for (key,) in found}


def test_a_folder_is_followed_through_every_kind_of_change(services, folder):
    assert counts(follow(services, folder)) == {"added": 7}
    assert counts(follow(services, folder)) == {"unchanged": 7}

    (folder / "one.md").write_text("# The one\n\nIt has changed.")
    os.utime(folder / "two.md", (1, 1))
    (folder / "three.md").rename(folder / "deep" / "drei.md")
    (folder / "four.md").unlink()
    (folder / "new.md").write_text("Something new.")
    report = follow(services, folder)
    assert counts(report) == {"added": 1, "changed": 1, "renamed": 1, "gone": 1, "unchanged": 4}
    assert [(x.key, x.detail) for x in report.lines if x.what == "renamed"] == [
        ("three.md", "now deep/drei.md")
    ]
    assert titles(services) == sorted(
        ["drei.md", "five.md", "four.md", "new.md", "one.md", "seven.txt", "six.md", "two.md"]
    )
    assert counts(follow(services, folder, deletes=True)) == {"deleted": 1, "unchanged": 7}
    assert "four.md" not in titles(services)


def test_unchanged_files_are_not_read_again(services, folder, monkeypatch):
    from pipelines.indexing import paths

    follow(services, folder)
    opened = []
    real = paths.read
    monkeypatch.setattr(
        "pipelines.indexing.sources.folder.paths.read", lambda p: opened.append(p.name) or real(p)
    )
    (folder / "one.md").write_text("Another text.")
    follow(services, folder)
    assert opened == ["one.md"]


def test_a_dry_run_says_what_would_be_and_changes_nothing(services, folder):
    source = registry.find(services, str(folder), "default")
    told = reading.read(services, source, Wish(dry_run=True), who="ada")
    assert counts(told) == {"added": 7}
    assert told.sentence == "Would be: 7 added."
    assert titles(services) == []
    with services.pool.connection() as conn:
        assert sources.list_all(conn) == []

    follow(services, folder, deletes=True)
    (folder / "one.md").rename(folder / "uno.md")
    (folder / "two.md").unlink()
    before = titles(services)
    with services.pool.connection() as conn:
        known = source_entries.known(conn, registry.find(services, str(folder), "default").id)
    told = follow(services, folder, dry_run=True)
    assert counts(told) == {"renamed": 1, "deleted": 1, "unchanged": 5}
    assert titles(services) == before
    with services.pool.connection() as conn:
        assert (
            source_entries.known(conn, registry.find(services, str(folder), "default").id) == known
        )
    assert counts(follow(services, folder)) == {"renamed": 1, "deleted": 1, "unchanged": 5}


def test_deletions_above_a_share_wait_for_a_confirmation(services, folder):
    follow(services, folder, deletes=True)
    for name in ("one", "two"):
        (folder / f"{name}.md").unlink()
    report = follow(services, folder)
    assert counts(report) == {"waiting": 2, "unchanged": 5}
    assert len(titles(services)) == 7
    with services.pool.connection() as conn:
        (run,) = source_runs.latest(conn).values()
    assert (run.outcome, run.waiting) == ("waiting", ["one.md", "two.md"])
    assert counts(follow(services, folder, confirmed=True)) == {"deleted": 2, "unchanged": 5}
    assert len(titles(services)) == 5


def test_a_folder_that_is_away_deletes_nothing(services, folder):
    follow(services, folder, deletes=True)
    folder.rename(folder.with_name("away"))
    with pytest.raises(NotReadyError, match="is not there"):
        follow(services, folder, confirmed=True)
    assert len(titles(services)) == 7


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every folder")
def test_a_folder_that_cannot_be_opened_deletes_nothing(services, folder):
    follow(services, folder, deletes=True)
    (folder / "deep").chmod(0)
    (folder / "one.md").unlink()
    report = follow(services, folder, confirmed=True)
    (folder / "deep").chmod(0o755)
    assert report.counts["deleted"] == 0
    assert "deep cannot be opened" in report.sentence


def test_a_broken_file_is_told_and_loses_nothing_else(services, folder):
    follow(services, folder)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    (folder / "one.md").write_bytes(b"")  # its last readable version stays
    (folder / "tool.exe").write_bytes(b"MZ")
    (folder / "after.md").write_text("This comes after the broken one.")
    report = follow(services, folder)
    assert counts(report) == {"added": 1, "failed": 2, "skipped": 1, "unchanged": 6}
    failed = {line.key: line.detail for line in report.lines if line.what == "failed"}
    assert set(failed) == {"broken.pdf", "one.md"}
    assert "empty" in failed["one.md"]
    assert "one.md" in titles(services, "indexed")
    again = follow(services, folder)
    assert counts(again) == {"failed": 2, "skipped": 1, "unchanged": 7}
    (folder / "one.md").write_text("It is whole again.")
    assert counts(follow(services, folder))["changed"] == 1
    assert titles(services, "failed") == ["broken.pdf"]


def test_a_document_that_was_deleted_here_comes_back(services, folder):
    from app.actions import documents

    follow(services, folder)
    with services.pool.connection() as conn:
        doomed = [
            r.document.id for r in document_list.list_all(conn) if r.document.title == "one.md"
        ]
        documents.delete(conn, "ada", doomed)
    assert counts(follow(services, folder)) == {"added": 1, "unchanged": 6}
    assert "one.md" in titles(services)


def test_a_document_of_two_sources_goes_with_the_last(services, folder):
    follow(services, folder, deletes=True)
    follow(services, folder / "deep", deletes=True)
    (folder / "deep" / "seven.txt").unlink()
    assert counts(follow(services, folder))["deleted"] == 1
    assert "seven.txt" in titles(services)
    assert counts(follow(services, folder / "deep", confirmed=True)) == {"deleted": 1}
    assert "seven.txt" not in titles(services)


def test_one_process_reads_a_source_at_a_time(services, folder):
    source = registry.find_or_add(services, str(folder), "default", who="ada")
    with sources.alone(services.pool, source.id), pytest.raises(BusyError):
        reading.read(services, source, Wish(), who="ada")


def test_a_website_is_followed_through_change(services, site):
    report = follow(services, site.url + "/docs/", deletes=True)
    assert counts(report) == {"added": 4, "failed": 1}
    assert titles(services, "indexed") == [
        "/docs/",
        "/docs/a.html",
        "/docs/b.html",
        "/docs/deep/d.html",
    ]
    assert "/other/" not in site.paths()

    site.asked.clear()
    assert counts(follow(services, site.url + "/docs/")) == {"unchanged": 4, "failed": 1}
    assert "/docs/a.html" in site.paths(304)

    site.page("/docs/b.html", "The lamp is red now.")
    site.page("/docs/a.html", "Ships leave the harbour at noon.", "e.html")
    site.page("/docs/e.html", "A new page.")
    del site.pages["/docs/deep/d.html"]
    report = follow(services, site.url + "/docs/")
    assert counts(report) == {"added": 1, "changed": 2, "deleted": 1, "unchanged": 1, "failed": 1}
    assert [x.key for x in report.lines if x.what == "deleted"] == [site.url + "/docs/deep/d.html"]


def test_pages_that_fail_for_a_while_are_kept(services, site):
    follow(services, site.url + "/docs/", deletes=True)
    site.pages["/docs/a.html"] = Reply(status=500)
    report = follow(services, site.url + "/docs/", confirmed=True)
    assert counts(report) == {"unchanged": 3, "failed": 2}
    assert "/docs/a.html" in titles(services)
    assert "/docs/deep/d.html" in titles(services)


def test_pages_without_an_etag_are_known_by_their_content(services, site):
    for reply in site.pages.values():
        reply.has_etag = False
    follow(services, site.url + "/docs/")
    assert counts(follow(services, site.url + "/docs/")) == {"unchanged": 4, "failed": 1}


def test_robots_txt_is_obeyed(services, site):
    text = "User-agent: *\nDisallow: /docs/*.pdf$\nDisallow: /docs/deep/\n"
    site.pages["/robots.txt"] = Reply(text.encode(), "text/plain")
    report = follow(services, site.url + "/docs/")
    assert counts(report) == {"added": 3, "skipped": 2}
    assert not {"/docs/c.pdf", "/docs/deep/d.html"} & set(site.paths())

    site.pages["/robots.txt"] = Reply(status=500)
    with pytest.raises(NotReadyError, match=r"robots\.txt"):
        follow(services, site.url + "/docs/")
    site.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /\n", "text/plain")
    with pytest.raises(NotReadyError, match="does not allow"):
        follow(services, site.url + "/docs/")
    assert len(titles(services)) == 3


def test_a_sitemap_lists_the_pages(services, site):
    places = "".join(
        f"<url><loc>{site.url}{path}</loc></url>" for path in ("/docs/b.html", "/other/")
    )
    foreign = "<url><loc>https://elsewhere.example.org/</loc></url>"
    text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}{foreign}</urlset>'
    site.pages["/map.xml"] = Reply(text.encode(), "application/xml")
    assert counts(follow(services, site.url + "/map.xml")) == {"added": 2}
    assert titles(services) == ["/docs/b.html", "/other/"]


def test_pages_that_only_the_sitemap_of_the_site_names_are_read(services, site):
    site.page("/docs/alone.html", "Nothing links here.")
    text = f"<urlset><url><loc>{site.url}/docs/alone.html</loc></url></urlset>"
    site.pages["/sitemap.xml"] = Reply(text.encode(), "application/xml")
    follow(services, site.url + "/docs/")
    assert "/docs/alone.html" in titles(services)


def test_bounds_end_a_reading_and_delete_nothing(dsn, services, site, tiny_model, tmp_path):
    follow(services, site.url + "/docs/", deletes=True)
    settings = services.settings.model_copy(update={"source_pages": 2})
    report = follow(replace(services, settings=settings), site.url + "/docs/", confirmed=True)
    assert report.counts["deleted"] == 0
    assert "2 pages are read (ATTUNE_SOURCE_PAGES)" in report.sentence
    assert len(titles(services, "indexed")) == 4


def test_redirects_lead_only_where_the_guard_allows(services, site):
    site.pages["/docs/b.html"] = Reply(
        status=302, location="http://169.254.169.254/latest/meta-data/"
    )
    site.pages["/docs/a.html"] = Reply(status=302, location="file:///etc/passwd")
    report = follow(services, site.url + "/docs/")
    skipped = {x.key.rpartition("/")[2]: x.detail for x in report.lines if x.what == "skipped"}
    assert "leads elsewhere" in skipped["b.html"]
    assert "no address of a page" in skipped["a.html"]
    site.pages["/docs/"] = Reply(status=302, location="http://169.254.169.254/")
    with pytest.raises(AccessError, match=r"169\.254\.169\.254"):
        follow(services, site.url + "/docs/")


def test_a_private_address_is_refused_unless_allowed(services, site):
    settings = services.settings.model_copy(update={"source_networks": ""})
    with pytest.raises(AccessError, match="ATTUNE_SOURCE_NETWORKS=127"):
        follow(replace(services, settings=settings), site.url + "/docs/")
    assert site.asked == []


def command(environment, *arguments, **options):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", *arguments],
        env={**kept, **environment, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def test_a_killed_run_goes_on_with_the_rest(services, environment, site):
    """SIGKILL in the middle of a website: what is in stays, and is not fetched again."""
    for n in range(60):
        site.page(f"/docs/p{n}.html", f"Page {n} tells of {n} ships.")
    site.page("/docs/", "The start.", *(f"p{n}.html" for n in range(60)))
    site.delay_s = 0.1
    process = command(environment, "sync", site.url + "/docs/", "--json")
    deadline = time.monotonic() + PATIENCE_S
    while not noted(services):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = noted(services)
    assert len(titles(services, "indexed")) < 61
    with services.pool.connection() as conn:
        (run,) = source_runs.latest(conn).values()
    assert run.ended_at is None
    site.delay_s = 0
    site.asked.clear()
    process = command(environment, "sync", site.url + "/docs/", "--json")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert len(titles(services, "indexed")) == 61
    assert max(Counter(titles(services)).values()) == 1
    with services.pool.connection() as conn:
        (after,) = source_runs.latest(conn).values()
    assert (after.id, after.outcome) == (run.id, "done")
    assert not before & set(site.paths()) - {"/docs/"}
    assert json.loads(out)["incomplete"] == ""


def test_the_command_says_what_became_of_each_file(environment, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    process = command(environment, "sync", str(folder))
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 10, err
    lines = out.splitlines()
    assert sum(line.startswith("added      ") for line in lines) == 7
    assert sum(line.startswith("failed     broken.pdf  ") for line in lines) == 1
    assert lines[-1].startswith("7 added, 1 failed.")
    (folder / "broken.pdf").unlink()
    for name in ("one", "two", "three"):
        (folder / f"{name}.md").unlink()
    process = command(
        environment, "sync", str(folder), "--delete", "--json", stdin=subprocess.DEVNULL
    )
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 7, err
    told = json.loads(out)
    assert (told["waiting"], told["deleted"], told["unchanged"]) == (4, 0, 4)
    process = command(environment, "sync", str(folder), "--yes", "--json")
    assert json.loads(process.communicate(timeout=PATIENCE_S)[0])["deleted"] == 4
    process = command(environment, "sync", "--json")
    (listed,) = json.loads(process.communicate(timeout=PATIENCE_S)[0])["sources"]
    assert (listed["source"], listed["files"], listed["deletes"]) == (str(folder), 4, True)


def test_watching_picks_up_a_change(services, environment, folder):
    process = command(environment, "sync", str(folder), "--watch")
    try:
        until(lambda: len(titles(services, "indexed")) == 7, process)
        (folder / "later.md").write_text("This came later.")
        until(lambda: "later.md" in titles(services, "indexed"), process)
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err


def test_a_worker_reads_what_is_due(services, environment, folder, dsn, tiny_model, tmp_path):
    """A schedule, a run that waits for a confirmation, and a confirmed one."""
    source = registry.find_or_add(services, str(folder), "default", who="ada")
    registry.change(services, source.id, deletes=True, every_minutes=60, who="ada")
    with services.pool.connection() as conn:
        assert [one.id for one in schedule.due(conn)] == [source.id]
    with working(tmp_path / "home", dsn, tiny_model, queues="documents,index") as worker:
        until(lambda: len(titles(services, "indexed")) == 7, worker.process)
        until(lambda: _latest(services).outcome == "done", worker.process)
        with services.pool.connection() as conn:
            assert schedule.due(conn) == []
            later = datetime.now(UTC) + timedelta(minutes=61)
            assert [one.id for one in schedule.due(conn, later)] == [source.id]
        for name in ("one", "two"):
            (folder / f"{name}.md").unlink()
        schedule.queue_one(services, source, who="ada")
        until(lambda: _latest(services).outcome == "waiting", worker.process)
        assert len(titles(services)) == 7
        schedule.queue_one(services, source, who="ada", confirmed=True)
        until(lambda: "2 deleted" in _said(services), worker.process)
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


def test_a_password_is_kept_encrypted_and_sent_only_where_it_belongs(services, site, dsn):
    address = site.url.replace("http://", "http://ada:s3cr3t@") + "/docs/"
    site.page("/docs/a.html", "Ships.", "https://elsewhere.example.org/")
    follow(services, address)
    sent = {headers.get("authorization") for headers in site.headers}
    assert sent == {"Basic " + base64.b64encode(b"ada:s3cr3t").decode()}
    with psycopg.connect(dsn, autocommit=True) as conn:
        stored = conn.execute("select s::text, encode(secret, 'escape') from source s").fetchone()
    assert stored is not None
    assert not any("s3cr3t" in text for text in stored)
    key = services.settings.home / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_text("another")
    with pytest.raises(InputError, match="ATTUNE_SOURCE_KEY"):
        follow(services, site.url + "/docs/")
    follow(services, address)  # given again


def test_folders_of_the_server_are_for_its_operator(services, folder, tmp_path):
    def add(address, **settings):
        changed = services.settings.model_copy(update=settings)
        found = replace(services, settings=changed)
        return registry.find_or_add(found, address, "default", who="ada", by_operator=False)

    for address in (str(folder), f"git+file://{folder}"):
        with pytest.raises(AccessError):
            add(address)
    (tmp_path / "way").symlink_to(folder)
    with pytest.raises(AccessError):
        add(str(folder / ".." / "home"), source_folders=str(folder))
    assert add(str(tmp_path / "way"), source_folders=str(folder)).address == str(folder)


def until(holds, process, within_s=PATIENCE_S):
    deadline = time.monotonic() + within_s
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_schema_has_one_unfinished_run_a_source(services, folder, dsn):
    source = registry.find_or_add(services, str(folder), "default", who="ada")
    with psycopg.connect(dsn, autocommit=True) as conn:
        first = source_runs.begin(conn, source.id, who="ada")
        assert source_runs.begin(conn, source.id, who="bob").id == first.id
