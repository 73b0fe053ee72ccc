"""
Model files shared between machines, through any file system that fsspec knows (s3, hf, file).

A version lies below the shared place under the sum of its manifest, which is written last: where
the manifest is, everything is. Each machine works on a copy of its own, verified by that sum; no
copy is ever half there under its name.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from pipelines.embedder import model_files
from pipelines.embedder.model_files import MANIFEST, Manifest
from pipelines.errors import ArtifactError, InputError, NotReadyError, is_disk_full

PACKAGES = {"s3": "attune[s3]", "hf": "huggingface_hub"}

log = logging.getLogger(__name__)


def is_address(place: str) -> bool:
    """Whether this names a shared place, not a folder of one machine."""
    return "://" in place


def publish(folder: Path, sha256: str, root: str) -> str:
    """
    Put a verified model folder where other machines find it.

    :param root: An address such as ``s3://bucket/models``, or a folder that machines share.
    :returns: The folder's address there.
    :raises NotReadyError: The place cannot be written to.
    """
    if not is_address(root):
        root = f"file://{Path(root).expanduser().resolve()}"
    address = f"{root.rstrip('/')}/{sha256}"
    with _opened(address) as (fs, path):
        if _is_local(fs):
            model_files.put(folder, Path(path).parent)
            return address
        listed = Manifest.of(folder)
        text = json.dumps(listed.files, indent=1, sort_keys=True).encode()
        if _is_whole(fs, path, text, folder):
            return address
        for name in listed.files:
            fs.put_file(str(folder / name), f"{path}/{name}")
        fs.pipe_file(f"{path}/{MANIFEST}", text)
    return address


def fetch(address: str, sha256: str, store: Path) -> Path:
    """
    This machine's copy of a shared version, fetched unless it is there and unharmed.

    :param store: The folder of this machine's copies, each under its sum.
    :raises ArtifactError: What is shared is damaged or gone; the message names the file.
    :raises NotReadyError: The shared place cannot be reached.
    """
    return keep_copy(sha256, store, lambda folder: _download(address, sha256, folder))


def keep_copy(sha256: str, store: Path, download: Callable[[Path], None]) -> Path:
    """
    This machine's copy of a version, downloaded unless it is there and unharmed.

    Processes that ask at the same time download it once.

    :param store: The folder of this machine's copies, each under its sum.
    :param download: Makes a folder with the verified files.
    """
    kept = store / sha256
    store.mkdir(parents=True, exist_ok=True)
    with FileLock(store / f".{sha256}.lock", preserve_lock_file=True):
        if kept.is_dir():
            try:
                model_files.verify(kept, sha256)
            except ArtifactError as error:
                log.warning("%s It is fetched again.", error)
            else:
                return kept
        staging = Path(tempfile.mkdtemp(dir=store, prefix=".staging-"))
        try:
            fresh = staging / "fresh"
            download(fresh)
            if kept.is_dir():
                kept.rename(staging / "damaged")
            fresh.rename(kept)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return kept


def remove(address: str, sha256: str) -> None:
    """Remove a version from the shared place, its manifest first."""
    if PurePosixPath(address).name != sha256:
        return
    with _opened(address) as (fs, path):
        if fs.exists(f"{path}/{MANIFEST}"):
            fs.rm_file(f"{path}/{MANIFEST}")
        if fs.exists(path):
            fs.rm(path, recursive=True)


def _download(address: str, sha256: str, folder: Path) -> None:
    folder.mkdir()
    with _opened(address) as (fs, path):
        try:
            files: dict[str, str] = json.loads(fs.cat_file(f"{path}/{MANIFEST}"))
        except FileNotFoundError:
            raise ArtifactError(f"There is no {address}/{MANIFEST}.") from None
        except ValueError:
            raise ArtifactError(f"{address}/{MANIFEST} is damaged: it is not JSON.") from None
        # Its names are used as paths only once its sum says that it is the one stored.
        if not isinstance(files, dict) or Manifest(files).sha256 != sha256:
            raise ArtifactError(f"{address}/{MANIFEST} is damaged: its sha256 is not {sha256}.")
        for name, expected in files.items():
            local = folder / name
            local.parent.mkdir(parents=True, exist_ok=True)
            try:
                fs.get_file(f"{path}/{name}", str(local))
            except FileNotFoundError:
                raise ArtifactError(f"{address}/{name} is missing.") from None
            if model_files.sha256_file(local) != expected:
                raise ArtifactError(
                    f"{address}/{name} is damaged: its sha256 is not the stored one."
                )
    Manifest(files).write(folder)
    model_files.sync(folder)


def _is_whole(fs: Any, path: str, manifest: bytes, folder: Path) -> bool:
    """Whether all is there already: the same manifest, and every file in its size."""
    try:
        if fs.cat_file(f"{path}/{MANIFEST}") != manifest:
            return False
        return all(
            fs.info(f"{path}/{name}")["size"] == (folder / name).stat().st_size
            for name in json.loads(manifest)
        )
    except FileNotFoundError:
        return False


def _is_local(fs: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(fs, LocalFileSystem)


@contextmanager
def _opened(address: str) -> Iterator[tuple[Any, str]]:
    """
    The file system of an address, and the path in it.

    :raises InputError: Addresses of this kind cannot be used here.
    :raises NotReadyError: The place cannot be reached.
    """
    from fsspec.core import url_to_fs

    protocol = address.partition("://")[0]
    try:
        fs, path = url_to_fs(address)
    except (ImportError, ValueError) as error:
        hint = f": pip install '{PACKAGES[protocol]}'" if protocol in PACKAGES else f": {error}"
        raise InputError(f"{protocol}:// cannot be used here{hint}") from error
    # Other machines write there; what was listed a while ago says nothing.
    fs.invalidate_cache()
    try:
        yield fs, str(path).rstrip("/")
    except (ArtifactError, InputError):
        raise
    except Exception as error:
        if is_disk_full(error):
            raise
        raise NotReadyError(
            f"{address} cannot be reached: {type(error).__name__}: {error}"
        ) from error
