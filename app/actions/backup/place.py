"""
Where snapshots lie: a folder, or any address that fsspec knows.

    <place>/snapshots/<time>-<id>/database     the script, compressed and perhaps encrypted
    <place>/snapshots/<time>-<id>/snapshot     what it holds; written last, so without it there is none
    <place>/versions/<sha256>/<file>           files of versions, which snapshots share
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from app.sealing.streams import seal, unseal
from pipelines.errors import ArtifactError, AttuneError, InputError, NotReadyError, is_disk_full

DATABASE, SNAPSHOT, MANIFEST = "database", "snapshot", "manifest"
PIECE_BYTES = 1_000_000
# Of a snapshot's name, which begins with year, month and day.
DAY_CHARS = 8
_PASSWORD = re.compile(r"(?<=://)[^/@]*@")


@dataclass(frozen=True)
class Snapshot:
    """
    What a snapshot holds.

    `counts` are the rows of each table. `versions` are the files of each version by the sum of its
    manifest, with their own sums.
    """

    name: str
    at: str
    revision: str
    counts: dict[str, int]
    versions: dict[str, dict[str, str]]
    database_sha256: str
    size_bytes: int


def shown(address: str) -> str:
    """An address without the name and the password that it may hold."""
    return _PASSWORD.sub("", address)


def kept_names(names: list[str], keep: int, days: int = 0) -> list[str]:
    """
    The snapshots that remain: the newest `keep`, and the last one of each of `days` days before.

    :param names: Sorted, oldest first. Each begins with its day.
    """
    newest, older = names[-keep:], names[:-keep]
    lasts = {name[:DAY_CHARS]: name for name in older}
    for name in newest:  # a day that is there already
        lasts.pop(name[:DAY_CHARS], None)
    return [lasts[day] for day in sorted(lasts)[len(lasts) - min(days, len(lasts)) :]] + newest


class BackupPlace:
    """
    A place of snapshots.

    :param key: The key of what is written and read; empty: it is not encrypted.
    """

    def __init__(self, address: str, key: str = "") -> None:
        from fsspec.core import url_to_fs

        if "://" not in address:
            address = f"file://{Path(address).expanduser().resolve()}"
        try:
            self._fs, path = url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise InputError(f"{shown(address)} cannot be used here: {error}") from error
        self._root, self._key, self.address = str(path).rstrip("/"), key, shown(address)

    def names(self) -> list[str]:
        """The whole snapshots, oldest first."""
        self._fs.invalidate_cache()
        try:
            found = [str(path).rsplit("/", 1)[-1] for path in self._listed("snapshots")]
            return sorted(name for name in found if self._fs.exists(self._at(name, SNAPSHOT)))
        except OSError as error:
            raise NotReadyError(f"{self.address} cannot be read: {error}") from error

    def newest(self) -> str:
        """
        The newest whole snapshot.

        :raises InputError: There is none.
        """
        names = self.names()
        if not names:
            raise InputError(f"There is no backup in {self.address}.")
        return names[-1]

    def new_name(self) -> str:
        """A name that sorts after those of earlier snapshots."""
        return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(3)}"

    def read(self, name: str) -> Snapshot:
        """
        What a snapshot holds.

        :raises InputError: There is no such snapshot, or the key is another one.
        :raises ArtifactError: It is damaged.
        """
        if name not in self.names():
            raise InputError(f"There is no backup {name!r} in {self.address}.")
        text = b"".join(self._stream(self._at(name, SNAPSHOT)))
        try:
            return Snapshot(**json.loads(text))
        except (ValueError, TypeError):
            raise ArtifactError(f"The backup {name} is damaged.") from None

    def write(self, snapshot: Snapshot) -> None:
        """Complete a snapshot whose database is written."""
        self._mark(self._at(snapshot.name, SNAPSHOT), asdict(snapshot))

    def put_database(self, name: str, script: Iterable[bytes]) -> tuple[str, int]:
        """
        Store a database's script.

        :returns: The script's checksum, and its size in bytes.
        """
        sha256, size = hashlib.sha256(), 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            packing = zlib.compressobj(6)
            for piece in script:
                sha256.update(piece)
                size += len(piece)
                yield packing.compress(piece)
            yield packing.flush()

        self._put(self._at(name, DATABASE), counted())
        return sha256.hexdigest(), size

    def fetch_database(self, snapshot: Snapshot, file: IO[bytes]) -> None:
        """
        Write a snapshot's script to a file, which is rewound.

        :raises ArtifactError: It is damaged.
        """
        sha256, unpacking = hashlib.sha256(), zlib.decompressobj()
        try:
            for piece in self._stream(self._at(snapshot.name, DATABASE)):
                script = unpacking.decompress(piece)
                sha256.update(script)
                file.write(script)
            file.write(unpacking.flush())
        except zlib.error:
            raise ArtifactError(f"The backup {snapshot.name} is damaged.") from None
        if sha256.hexdigest() != snapshot.database_sha256:
            raise ArtifactError(f"The database of the backup {snapshot.name} is damaged.")
        file.seek(0)

    def put_version(self, sha256: str, files: dict[str, Path]) -> None:
        """Store the files of a version unless they are there."""
        done = f"{self._root}/versions/{sha256}/{MANIFEST}"
        if self._fs.exists(done):
            return
        for name, path in files.items():
            with path.open("rb") as file:
                self._put(
                    f"{self._root}/versions/{sha256}/files/{name}",
                    iter(lambda: file.read(PIECE_BYTES), b""),
                )
        self._mark(done, sorted(files))

    def fetch_version(self, sha256: str, names: Iterable[str], folder: Path) -> None:
        """Write the files of a version into a new folder."""
        for name in names:
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise ArtifactError(f"The backup names a file {name!r}.")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for piece in self._stream(f"{self._root}/versions/{sha256}/files/{name}"):
                    file.write(piece)

    def forget(self, keep: int, days: int = 0) -> list[str]:
        """
        Delete all but the newest snapshots, and the files of versions that none of them needs.

        Snapshots that were cut off go as well.

        :param days: Of each of so many days before the kept ones, the last one remains as well.
        :returns: The deleted ones.
        """
        kept = kept_names(self.names(), keep, days)
        listed = [str(path).rsplit("/", 1)[-1] for path in self._listed("snapshots")]
        # One that is being written now has a later name.
        old = [name for name in listed if name not in kept and kept and name < kept[-1]]
        for name in old:
            mark = self._at(name, SNAPSHOT)
            if self._fs.exists(mark):
                self._fs.rm_file(mark)
            self._fs.rm(f"{self._root}/snapshots/{name}", recursive=True)
        if old:
            self._forget_versions(kept)
        return old

    def _forget_versions(self, kept: list[str]) -> None:
        try:
            needed = {sha256 for name in kept for sha256 in self.read(name).versions}
        except AttuneError:  # damaged or with another key: what it needs is not known
            return
        for path in self._listed("versions"):
            if str(path).rsplit("/", 1)[-1] not in needed:
                self._fs.rm(str(path), recursive=True)

    def _at(self, name: str, part: str) -> str:
        return f"{self._root}/snapshots/{name}/{part}"

    def _listed(self, folder: str) -> list[Any]:
        try:
            return list(self._fs.ls(f"{self._root}/{folder}", detail=False))
        except FileNotFoundError:
            return []

    def _mark(self, path: str, value: Any) -> None:
        """Store a small file that is there whole or not at all."""
        self._put(f"{path}.partial", [json.dumps(value).encode()])
        self._fs.mv(f"{path}.partial", path)

    def _put(self, path: str, pieces: Iterable[bytes]) -> None:
        try:
            self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            with self._fs.open(path, "wb") as file:
                for piece in seal(pieces, self._key):
                    file.write(piece)
        except OSError as error:
            if is_disk_full(error):
                raise
            raise NotReadyError(f"{self.address} cannot be written: {error}") from error

    def _stream(self, path: str) -> Iterator[bytes]:
        try:
            with self._fs.open(path, "rb") as file:
                yield from unseal(file, self._key)
        except FileNotFoundError:
            raise ArtifactError(f"{path} is missing from the backup.") from None
        except AttuneError:
            raise
        except OSError as error:
            raise NotReadyError(f"{self.address} cannot be read: {error}") from error
