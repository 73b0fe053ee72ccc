"""
Backup, restore and verification of a whole installation: its database and its versions.

A snapshot is complete once its last file is written, so a backup that was cut off changes nothing.
A restore fetches and checks everything first, and then loads the database in one transaction.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psycopg

from app.actions.backup import postgres
from app.actions.backup.place import BackupPlace, Snapshot
from app.settings import Settings
from pipelines.embedder import loading, model_files, sharing
from pipelines.embedder.copies import Copies
from pipelines.embedder.model_files import Manifest
from pipelines.errors import ArtifactError, ConflictError
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.store import db, models, scratch, snapshots, stored_files
from pipelines.store.db import Connection
from pipelines.store.embedded import EmbeddedPostgres

KEEP = 7


@dataclass(frozen=True)
class BackupReport:
    """
    What came of a backup or a restore.

    :param versions: Names of the versions whose files are in it.
    :param forgotten: Snapshots that were deleted for it.
    """

    snapshot: Snapshot
    versions: list[str]
    forgotten: list[str]


def back_up(
    settings: Settings, address: str, *, keep: int = KEEP, days: int = 0, task: Task = NO_TASK
) -> BackupReport:
    """
    Add a snapshot of the running installation to a place.

    :param keep: Snapshots that remain; older ones are deleted.
    :param days: Of each of so many days before them, the last one remains as well.
    :raises NotReadyError: The place cannot be written, or the database does not answer.
    """
    place = place_of(settings, address)
    with open_database(settings) as dsn:
        db.migrate(dsn)
        with psycopg.connect(dsn, autocommit=True) as conn:
            view = snapshots.begin_view(conn)
            name = place.new_name()
            versions = _put_versions(conn, settings, dsn, place, task)
            task.tell(Progress("database"))
            sha256, size = place.put_database(name, _checked(postgres.dump(dsn, view), task))
            snapshot = Snapshot(
                name=name,
                at=datetime.now(UTC).isoformat(timespec="seconds"),
                revision=snapshots.revision(conn),
                counts=snapshots.counts(conn),
                versions=dict(versions.values()),
                database_sha256=sha256,
                size_bytes=size,
            )
            conn.execute("rollback")
    place.write(snapshot)
    return BackupReport(snapshot, sorted(versions), place.forget(keep, days))


def restore(
    settings: Settings, address: str, name: str = "", *, task: Task = NO_TASK
) -> BackupReport:
    """
    Bring a snapshot into an empty database and data folder.

    :param name: Of the snapshot; empty: the newest.
    :raises ConflictError: The database is not empty.
    :raises ArtifactError: The snapshot is damaged; nothing was changed.
    """
    place = place_of(settings, address)
    snapshot = place.read(name or place.newest())
    with open_database(settings) as dsn:
        _check_empty(dsn)
        with _script(settings, place, snapshot, task) as script:
            _fetch_versions(settings, place, snapshot, task)
            task.tell(Progress("loading"))
            postgres.load(dsn, _pieces(script))
        db.migrate(dsn)
        with psycopg.connect(dsn, autocommit=True) as conn:
            snapshots.forget_processes(conn)
            known = {model.manifest_sha256: model.name for model in models.list_all(conn)}
    names = [known.get(sha256, sha256) for sha256 in snapshot.versions]
    return BackupReport(snapshot, sorted(names), [])


def verify(
    settings: Settings, address: str, name: str = "", *, task: Task = NO_TASK
) -> BackupReport:
    """
    Restore a snapshot into a scratch database, compare what it holds, and drop it again.

    :raises ArtifactError: The snapshot is damaged or incomplete.
    """
    place = place_of(settings, address)
    snapshot = place.read(name or place.newest())
    with open_database(settings) as dsn, _script(settings, place, snapshot, task) as script:
        for sha256, files in snapshot.versions.items():
            with tempfile.TemporaryDirectory(prefix="attune-", dir=_scratch(settings)) as folder:
                _fetch_version(place, sha256, files, Path(folder) / "version")
        task.tell(Progress("loading"))
        with scratch.empty_database(dsn) as empty:
            postgres.load(empty, _pieces(script))
            with psycopg.connect(empty) as conn:
                found = snapshots.counts(conn)
    wrong = sorted(
        table for table in snapshot.counts.keys() | found.keys()
        if snapshot.counts.get(table) != found.get(table)
    )  # fmt: skip
    if wrong:
        raise ArtifactError(f"The backup {snapshot.name} lacks rows of: {', '.join(wrong)}.")
    return BackupReport(snapshot, sorted(snapshot.versions), [])


def place_of(settings: Settings, address: str) -> BackupPlace:
    """The place of an address, with the key of the settings."""
    return BackupPlace(address, settings.backup_key.get_secret_value())


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """The address of the installation's database, which is started if it is embedded."""
    with ExitStack() as stack:
        dsn = settings.direct_database_url.get_secret_value()
        dsn = dsn or settings.database_url.get_secret_value()
        if not dsn:
            dsn = stack.enter_context(EmbeddedPostgres(settings.home / "db")).dsn
        db.check(dsn)
        yield dsn


def _check_empty(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        if not snapshots.is_empty(conn):
            raise ConflictError(
                "The database is not empty. A backup is restored into a new data folder"
                " (ATTUNE_HOME) or an empty database (DATABASE_URL) only."
            )


def _put_versions(
    conn: Connection, settings: Settings, dsn: str, place: BackupPlace, task: Task
) -> dict[str, tuple[str, dict[str, str]]]:
    """
    Store the files of versions that only this machine has. What the database or a shared place has
    needs no other copy.

    :returns: By the version's name the sum of its manifest, and the sums of its files.
    """
    found = {}
    copies = Copies(settings.home / "models", dsn)
    for model in models.list_all(conn):
        sha256 = model.manifest_sha256
        if sha256 is None or (model.kind == "base" and model.base == model_files.BUNDLED):
            continue
        if sharing.is_address(model.artefact or "") or stored_files.size_of(conn, sha256):
            continue
        task.check()
        task.tell(Progress("versions", item=model.name))
        folder = loading.model_folder(model, copies)
        files = Manifest.of(folder).files
        place.put_version(sha256, {name: folder / name for name in files})
        found[model.name] = (sha256, files)
    return found


def _fetch_versions(settings: Settings, place: BackupPlace, snapshot: Snapshot, task: Task) -> None:
    for sha256, files in snapshot.versions.items():
        task.check()
        task.tell(Progress("versions"))

        def download(folder: Path, sha256: str = sha256, files: dict[str, str] = files) -> None:
            _fetch_version(place, sha256, files, folder)
            model_files.sync(folder)

        sharing.keep_copy(sha256, settings.home / "models", download)


def _fetch_version(place: BackupPlace, sha256: str, files: dict[str, str], folder: Path) -> None:
    folder.mkdir()
    place.fetch_version(sha256, files, folder)
    Manifest(files).write(folder)
    model_files.verify(folder, sha256)


@contextmanager
def _script(
    settings: Settings, place: BackupPlace, snapshot: Snapshot, task: Task
) -> Iterator[IO[bytes]]:
    """A snapshot's script, whole and checked."""
    task.tell(Progress("fetching"))
    with tempfile.TemporaryFile(dir=_scratch(settings)) as file:
        place.fetch_database(snapshot, file)
        yield file


def _scratch(settings: Settings) -> Path:
    settings.home.mkdir(parents=True, exist_ok=True)
    return settings.home


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(postgres.PIECE_BYTES):
        yield piece


def _checked(pieces: Iterator[bytes], task: Task) -> Iterator[bytes]:
    for piece in pieces:
        task.check()
        yield piece
