"""A machine's own copies of versions' files, and the ones that the database keeps for all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg

from pipelines.embedder import model_files, sharing
from pipelines.embedder.model_files import Manifest
from pipelines.errors import ArtifactError, GateError, NotReadyError
from pipelines.store import stored_files
from pipelines.store.db import Connection
from pipelines.store.models import Model


@dataclass(frozen=True)
class Copies:
    """
    Where this machine keeps versions' files, and the database that may have them, too.

    `folder` has one folder for each version, named by the sum of its manifest. An empty `dsn` means
    that no database is asked.
    """

    folder: Path
    dsn: str = ""

    def restore(self, sha256: str, fault: ArtifactError) -> Path:
        """
        This machine's copy of a version whose files are not where they were.

        :param fault: Raised if the files are nowhere else either.
        :raises NotReadyError: The database cannot be reached.
        """

        def download(folder: Path) -> None:
            if not self.dsn:
                raise fault
            try:
                with psycopg.connect(self.dsn, autocommit=True, connect_timeout=10) as conn:
                    if not stored_files.fetch(conn, sha256, folder):
                        raise fault
            except psycopg.OperationalError as error:
                raise NotReadyError(f"{fault} The database cannot be asked for it.") from error
            Manifest.of(folder).write(folder)
            model_files.verify(folder, sha256)
            model_files.sync(folder)

        return sharing.keep_copy(sha256, self.folder, download)


def keep_in_database(conn: Connection, model: Model, folder: Path, most_mb: int) -> None:
    """
    Store a version's files in the database unless they are there.

    :param folder: The verified files.
    :raises GateError: They are larger than `most_mb`.
    """
    assert model.manifest_sha256 is not None
    files = {name: folder / name for name in Manifest.of(folder).files}
    size_mb = sum(path.stat().st_size for path in files.values()) / 1e6
    if size_mb > most_mb:
        raise GateError(
            f"The files of {model.name} ({size_mb:,.0f} MB) are on this machine's disk only, and a"
            f" lost disk would take them along. Set ATTUNE_ARTEFACTS to a place that all machines"
            f" share, or ATTUNE_DATABASE_MODEL_MB (now {most_mb}) to {int(size_mb) + 1} or more."
        )
    stored_files.put(conn, model.manifest_sha256, files)
