"""A folder is followed through change and faults."""

from __future__ import annotations

import os
from dataclasses import replace

import psycopg
import pytest

from app.actions.sources import reading, registry
from app.actions.sources.report import Wish
from pipelines.errors import AccessError, BusyError, NotReadyError
from pipelines.store import document_list, source_entries, source_runs, sources
from tests.syncing import counts, follow, titles


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


def test_the_schema_has_one_unfinished_run_a_source(services, folder, dsn):
    source = registry.find_or_add(services, str(folder), "default", who="ada")
    with psycopg.connect(dsn, autocommit=True) as conn:
        first = source_runs.begin(conn, source.id, who="ada")
        assert source_runs.begin(conn, source.id, who="bob").id == first.id
