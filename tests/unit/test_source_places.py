"""Repositories and remote places as sources: what is listed, what is left out, what is refused."""

from __future__ import annotations

import subprocess

import fsspec
import pytest

from pipelines.errors import AccessError, InputError, NotReadyError
from pipelines.indexing.sources.git import GitReader
from pipelines.indexing.sources.guard import NetworkGuard
from pipelines.indexing.sources.remote import RemoteReader, protocol_of
from pipelines.indexing.sources.repository import Repository
from pipelines.progress import NO_TASK, Stopped, Task
from pipelines.store.source_entries import KnownEntry


def run(folder, *command):
    subprocess.run(["git", "-C", folder, *command], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    run(folder, "config", "user.email", "ada@example.org")
    run(folder, "config", "user.name", "Ada")
    (folder / "guide").mkdir()
    (folder / "guide" / "naïve name.md").write_text("# Guide")
    (folder / "README.md").write_text("# Read me")
    (folder / ".hidden.md").write_text("hidden")
    (folder / "tool.exe").write_bytes(b"MZ")
    (folder / "link.md").symlink_to("/etc/passwd")
    (folder / "large.md").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    run(folder, "add", "-A")
    run(folder, "commit", "-qm", "first")
    return folder


def reader(repository, tmp_path, **options):
    return GitReader(f"git+file://{repository}", NetworkGuard(), tmp_path, **options)


def listed(found, known=()):
    return {e.key: e for batch in found.batches(dict(known), 1, NO_TASK) for e in batch}


def known_of(entries):
    return {
        key: KnownEntry(key, e.document_source, e.size_bytes, e.stamp, "a", None, [], 1, 1)
        for key, e in entries.items()
    }


def test_files_of_a_repository_are_read_from_its_newest_commit(repository, tmp_path):
    found = reader(repository, tmp_path)
    entries = listed(found)
    assert set(entries) == {"README.md", "guide/naïve name.md", "large.md"}
    assert entries["guide/naïve name.md"].load() == b"# Guide"
    assert dict(found.remarks.skipped).keys() == {"tool.exe", "link.md"}
    with pytest.raises(InputError, match="Git LFS"):
        entries["large.md"].load()
    found.close()
    assert not list(tmp_path.glob("git-*"))


def test_a_repository_without_a_new_commit_is_not_fetched(repository, tmp_path):
    first = reader(repository, tmp_path)
    known = known_of(listed(first))
    again = reader(repository, tmp_path, before=first.mark)
    assert listed(again, known) == {}
    assert again.remarks.unchanged == known.keys()
    lost = {key: KnownEntry(**{**vars(e), "document_id": None}) for key, e in known.items()}
    assert set(listed(reader(repository, tmp_path, before=first.mark), lost)) == known.keys()

    (repository / "README.md").write_text("# Changed")
    run(repository, "commit", "-qam", "second")
    second = listed(reader(repository, tmp_path, before=first.mark), known)
    changed = [key for key in second if second[key].stamp != known[key].stamp]
    assert changed == ["README.md"]


def test_a_branch_can_be_named(repository, tmp_path):
    run(repository, "checkout", "-qb", "next")
    (repository / "new.md").write_text("new")
    run(repository, "add", "-A")
    run(repository, "commit", "-qm", "next")
    run(repository, "checkout", "-q", "main")
    assert "new.md" not in listed(reader(repository, tmp_path))
    named = GitReader(f"git+file://{repository}#next", NetworkGuard(), tmp_path)
    assert "new.md" in listed(named)
    with pytest.raises(NotReadyError, match="no commit at refs/heads/none"):
        listed(GitReader(f"git+file://{repository}#none", NetworkGuard(), tmp_path))


def test_a_repository_within_bounds_or_not_at_all(repository, tmp_path):
    with pytest.raises(NotReadyError, match="ATTUNE_SOURCE_MB"):
        listed(reader(repository, tmp_path, most_mb=0))
    with pytest.raises(Stopped):
        for _ in reader(repository, tmp_path).batches({}, 1, Task(is_stopping=lambda: True)):
            pass


def test_a_repository_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NotReadyError, match="cannot be read"):
        listed(GitReader(f"git+file://{tmp_path}/none", NetworkGuard(), tmp_path))


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c id", "--upload-pack=id", "https://", "ssh://-oProxyCommand=id/x", "ftp://h.org/x",
        "https://h.org/x#--upload-pack", "https://h.org/x#a..b", "file://host/x", "https://h.org:x/",
    ],
)  # fmt: skip
def test_addresses_that_would_run_something_are_refused(address):
    with pytest.raises(InputError):
        Repository.parse(address)


def test_a_repository_in_a_private_network_is_refused(tmp_path):
    for address in ("https://127.0.0.1/x.git", "git@127.0.0.1:x.git", "ssh://[::1]/x"):
        with pytest.raises(AccessError):
            listed(GitReader(address, NetworkGuard(), tmp_path))


@pytest.fixture
def bucket():
    files = fsspec.filesystem("memory")
    files.pipe({"/bucket/a.md": b"# A", "/bucket/deep/b.txt": b"b", "/bucket/c.exe": b"MZ"})
    files.pipe({"/bucket/.git/config": b"", "/bucket-2/d.md": b"d"})
    yield files
    files.rm("/bucket", recursive=True)
    files.rm("/bucket-2", recursive=True)


def test_files_of_a_remote_place_are_listed(bucket):
    found = RemoteReader("memory://bucket", NetworkGuard())
    entries = listed(found)
    assert set(entries) == {"a.md", "deep/b.txt"}
    assert entries["deep/b.txt"].document_source == "memory://bucket/deep/b.txt"
    assert entries["a.md"].load() == b"# A"
    assert dict(found.remarks.skipped).keys() == {"c.exe"}
    before = entries["a.md"].stamp
    assert listed(RemoteReader("memory://bucket", NetworkGuard()))["a.md"].stamp == before
    bucket.pipe("/bucket/a.md", b"# B")
    assert listed(RemoteReader("memory://bucket", NetworkGuard()))["a.md"].stamp != before


def test_a_remote_place_that_is_not_there_is_told():
    with pytest.raises(NotReadyError, match="is not there"):
        listed(RemoteReader("memory://nowhere", NetworkGuard()))


def test_a_run_reads_so_many_bytes(bucket):
    found = RemoteReader("memory://bucket", NetworkGuard(), most_mb=0)
    first, second = listed(found).values()
    first.load()
    with pytest.raises(NotReadyError, match="ATTUNE_SOURCE_MB"):
        second.load()


@pytest.mark.parametrize(
    "address",
    ["file:///etc", "local:///etc", "simplecache::s3://b", "s3://a::file:///b", "github://a:b@/"],
)
def test_places_that_lead_back_to_this_machine_are_refused(address):
    with pytest.raises(InputError):
        protocol_of(address)


@pytest.mark.parametrize("address", ["sftp://127.0.0.1/x", "ftp://[::1]/x", "webdav://10.0.0.1/x"])
def test_remote_places_in_a_private_network_are_refused(address):
    with pytest.raises(AccessError):
        listed(RemoteReader(address, NetworkGuard()))


def test_a_password_is_not_in_what_is_told(monkeypatch):
    found = RemoteReader("s3://bucket", NetworkGuard(), user="key", password="s3cr3t")

    def failing(*_, **options):
        raise RuntimeError(f"no such secret {options['secret']}")

    monkeypatch.setattr("fsspec.core.url_to_fs", failing)
    with pytest.raises(NotReadyError) as told:
        listed(found)
    assert "s3cr3t" not in str(told.value)
    assert "***" in str(told.value)
