"""
The site of a run: a separate database, three small models of different dimensions, and documents.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql

from app.services import open_services
from app.settings import Settings
from pipelines.embedder import model_files
from pipelines.store import models
from pipelines.store.embedded import EmbeddedPostgres
from tests.corpus import add_document
from tests.fakes import build_tiny_model
from tests.versions import passages

DIMENSIONS = (32, 48, 64)
# Vectors are dropped so soon after they are out of use: under fire, not after a week.
RETENTION_S = 20.0


@dataclass(frozen=True)
class Artefact:
    """Files of a model that versions are registered with."""

    folder: Path
    sha256: str
    dimension: int


@dataclass(frozen=True)
class Site:
    """Everything a process needs to take part. It is pickled."""

    dsn: str
    home: Path
    artefacts: tuple[Artefact, ...]

    @property
    def journals(self) -> Path:
        """The folder of the processes' journals."""
        return self.home / "journals"

    def settings(self) -> Settings:
        """The app's settings, independent of the environment."""
        return Settings(
            home=self.home,
            DATABASE_URL=self.dsn,
            base_model=str(self.artefacts[0].folder),
            window_tokens=48,
            window_stride=36,
            chunk_chars=240,
            threads=1,
            worker_threads=1,
            device="cpu",
            retention_days=RETENTION_S / 86_400,
            llm="",
            OPENAI_API_KEY="",
            OPENAI_BASE_URL="",
            log_level="error",
        )

    def connect(self) -> psycopg.Connection:
        """A separate connection in autocommit mode."""
        return psycopg.connect(self.dsn, autocommit=True, connect_timeout=5)

    def register(self, name: str, artefact: Artefact) -> None:
        """Register a new version with these files, not built."""
        with self.connect() as conn:
            models.add(
                conn,
                name=name,
                base="tiny",
                kind="full",
                dimension=artefact.dimension,
                artefact=str(artefact.folder),
                manifest_sha256=artefact.sha256,
            )


def build_artefacts(home: Path) -> tuple[Artefact, ...]:
    """Build the real, random models."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    made = []
    for seed, dimension in enumerate(DIMENSIONS):
        folder = build_tiny_model(home / f"tiny{dimension}", dimension=dimension, seed=seed)
        kept, sha256 = model_files.put(folder, home / "models")
        made.append(Artefact(kept, sha256, dimension))
    return tuple(made)


def open_site(
    postgres: EmbeddedPostgres,
    home: Path,
    artefacts: tuple[Artefact, ...],
    name: str,
    documents: int,
) -> Site:
    """A fresh database with documents, where the first model serves."""
    with psycopg.connect(postgres.dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    place = home / name
    site = Site(psycopg.conninfo.make_conninfo(postgres.dsn, dbname=name), place, artefacts)
    site.journals.mkdir(parents=True)
    with open_services(site.settings(), pool_size=2) as services:
        handle = services.replica.current()
        with services.pool.connection() as conn:
            for number in range(documents):
                title = f"base {number}"
                add_document(conn, handle, title, passages(5, of=f"b{number}x"))
    return site


@contextmanager
def own_postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    """A server that a run may crash."""
    with EmbeddedPostgres(home / "db") as postgres:
        yield postgres


def damaged(artefact: Artefact, folder: Path) -> Artefact:
    """
    A copy of the files that may be damaged, registered in their present state.

    It is like no other, because the whole files of another one would take their place.
    """
    fresh = shutil.copytree(artefact.folder, folder / "fresh")
    (fresh / "README.md").write_text(f"To be damaged in {folder.name}.")
    kept, sha256 = model_files.put(fresh, folder)
    return replace(artefact, folder=kept, sha256=sha256)
