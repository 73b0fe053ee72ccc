"""Files appear complete or not at all, and a damaged one is said to be damaged."""

from __future__ import annotations

import os

import pytest

from pipelines.embedder import model_files
from pipelines.errors import ArtifactError
from pipelines.system import atomic_files


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    """No half-written file is left next to it either."""
    path = tmp_path / "verdict.json"
    atomic_files.write_json(path, {"a": 1})

    def write(file):
        file.write(b"half of")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="space"):
        atomic_files.write_staged(path, write)
    assert path.read_text() == '{\n "a": 1\n}'
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_mode_and_owner(tmp_path):
    """The database's settings belong to the user that it runs as."""
    path = tmp_path / "postgresql.conf"
    path.write_text("before")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1000, 1000)
    atomic_files.write_text(path, "after")
    assert path.stat().st_mode & 0o777 == 0o640
    if os.geteuid() == 0:
        assert path.stat().st_uid == 1000


@pytest.mark.parametrize("damage", ["", "{", "[1]", "3"])
def test_a_damaged_manifest_is_an_artifact_error(tmp_path, damage):
    """And no matter at all where the files are those that were stored."""
    (tmp_path / "weights").write_bytes(b"1234")
    manifest = model_files.Manifest.of(tmp_path)
    manifest.write(tmp_path)
    (tmp_path / model_files.MANIFEST).write_text(damage)
    model_files.verify(tmp_path, manifest.sha256)
    (tmp_path / "weights").write_bytes(b"12")
    with pytest.raises(ArtifactError, match="damaged"):
        model_files.verify(tmp_path, manifest.sha256)
