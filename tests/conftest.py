"""
Shared fixtures: one embedded server per process, one database per test cloned from a migrated
template, and a tiny encoder built here, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from app.settings import silence_telemetry
from pipelines.store import db
from pipelines.store.db import Pool
from pipelines.store.embedded import EmbeddedPostgres
from tests import scratch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
silence_telemetry()
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The models are tiny, and `make test` has two processes run tests side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is slow, not wrong. The same examples each time, so that a failure can be seen again.
hypothesis_settings.register_profile("attune", deadline=None, derandomize=True)
hypothesis_settings.load_profile("attune")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes of the run one folder for what takes long to make."""
    if not hasattr(config, "workerinput"):
        shelf = scratch.make_shelf()
        config.add_cleanup(lambda: shutil.rmtree(shelf, ignore_errors=True))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-screenshots`, which writes the browser tests' pictures to docs/images."""
    parser.addoption("--update-screenshots", action="store_true")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real documents and question sets. Tests that use it are skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real documents are absent: ../shared/data is not there")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One embedded server for all tests of the process, with the migrated template database."""
    folder = scratch.folder()
    with EmbeddedPostgres(folder) as server:
        with psycopg.connect(server.dsn, autocommit=True) as conn:
            # Nothing here has to outlive the machine, and every test makes a database.
            conn.execute("alter system set fsync = off")
            conn.execute("alter system set full_page_writes = off")
            conn.execute("alter system set max_wal_size = '256MB'")  # it may lie in memory
            conn.execute("select pg_reload_conf()")
            conn.execute("create database template_attune")
        db.migrate(_with_database(server.dsn, "template_attune"))
        yield server
    shutil.rmtree(folder, ignore_errors=True)


def _with_database(dsn: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(dsn, dbname=name)


@contextmanager
def _fresh_database(server: EmbeddedPostgres, template: str = "template_attune") -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex[:12]}"
    # Copying the files takes a quarter of the time that writing them to the log does.
    create = sql.SQL("create database {} template {} strategy file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with psycopg.connect(server.dsn, autocommit=True) as conn:
        conn.execute(create)
        yield _with_database(server.dsn, name)
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A fresh, migrated database for one test."""
    with _fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture
def empty_dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A fresh database without a schema."""
    with _fresh_database(postgres, "template1") as empty:
        yield empty


@pytest.fixture(scope="module")
def module_dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """
    A fresh, migrated database shared by the tests of one module, where setting up is expensive.
    """
    with _fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    """A pool on the test's database."""
    pool = db.open_pool(dsn, max_size=4)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer sentence-transformers model, 32 dimensions, WordPiece of a few words."""
    from tests.fakes import build_tiny_model

    return build_tiny_model(tmp_path_factory.mktemp("tiny_model"))
