"""Fixtures for tests of swaps (a serving version and a candidate), readers, and the command line."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import settings
from app.access.openid import provider as openid
from app.actions import ingest
from app.cli import main
from app.services import open_services
from pipelines.embedder.loading import EncoderOptions
from pipelines.indexing.convert import Converter
from pipelines.search import hybrid
from pipelines.store import db, rate_counts, scratch
from pipelines.versions import first
from tests import versions
from tests.corpus import add_document
from tests.fakes import build_tiny_model, scripted_llm
from tests.provider import providing
from tests.versions import load_handle


@pytest.fixture(scope="session")
def larger_model(tmp_path_factory):
    return build_tiny_model(tmp_path_factory.mktemp("larger_model"), dimension=48, seed=1)


@pytest.fixture(scope="session", autouse=True)
def warm_readers():
    """
    Who opens an ingester in this process gets the reader of the one before: starting one takes
    seconds. A reader that was told to stop is not used again.
    """
    readers = {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patched:

        @contextmanager
        def warm(limits):
            reader = readers.get(limits)
            if reader is None or reader._abandoned:
                reader = readers[limits] = stack.enter_context(Converter(limits))
            yield reader

        patched.setattr(ingest, "Converter", warm)
        yield


@pytest.fixture(scope="session", autouse=True)
def scratch_from_template():
    """Scratch databases are copies of the migrated template, where the server has one."""

    def migrate(dsn):
        name = conninfo_to_dict(dsn)["dbname"]
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as conn:
            if conn.execute(
                "select 1 from pg_database where datname = 'template_attune'"
            ).fetchone():
                conn.execute(f'drop database "{name}"')
                conn.execute(f'create database "{name}" template template_attune')
        db.migrate(dsn)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scratch, "db", SimpleNamespace(migrate=migrate, open_pool=db.open_pool))
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_search():
    """Late interaction may take its time, so that a busy machine ranks as an idle one does."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(hybrid.search.__kwdefaults__, "within_s", 60.0)
        yield


@pytest.fixture
def one_window(monkeypatch):
    """Rates are counted in one window of time, which begins now and does not end in a test."""
    monkeypatch.setattr(rate_counts, "_SLOT", f"to_timestamp({time.time()})")


@pytest.fixture
def world(pool, tiny_model, larger_model, tmp_path):
    """A serving version with two documents, and a candidate of another dimension, not built."""
    options = EncoderOptions(cache=tmp_path, device="cpu", threads=1)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=16, stride=12, lexical_weight=0.4)
        serving = load_handle(conn, options)
        for title in ("one", "two"):
            add_document(conn, serving, title, versions.passages(20, of=title))
    model_id = versions.register(pool, larger_model, "v1", tmp_path / "models")
    _, candidate = versions.create(pool, model_id, options)
    return pool, options, serving, candidate


@pytest.fixture
def run_command(monkeypatch, capsys):
    """
    Runs a command in this process, on the settings that the environment has.

    :returns: Exit code, stdout and stderr.
    """

    def run(*arguments):
        settings.load.cache_clear()
        monkeypatch.setattr(sys, "argv", ["attune", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    yield run
    settings.load.cache_clear()


@pytest.fixture
def attune(dsn, tiny_model, tmp_path, monkeypatch, run_command):
    """
    Runs a command in this process on the test's database.

    :returns: Exit code, stdout and stderr.
    """
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ATTUNE_LLM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    monkeypatch.setenv("ATTUNE_BASE_MODEL", str(tiny_model))
    settings.load.cache_clear()
    with open_services(settings.load(), pool_size=2) as opened, opened.pool.connection() as conn:
        texts = [f"{text} " * 4 for text in versions.passages(12)]
        add_document(conn, opened.replica.current(), "one", texts)

    return run_command


@pytest.fixture
def llm():
    """A language model that says what a test's script tells it."""
    with scripted_llm() as fake:
        yield fake


@pytest.fixture(scope="session")
def one_provider():
    """The OpenID Connect provider of all tests, so that applications may know its address."""
    with providing() as fake:
        yield fake


@pytest.fixture
def provider(one_provider, monkeypatch):
    """A provider without changes, which servers may use without HTTPS."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    one_provider.forget()
    openid.forget()
    yield one_provider
    openid.forget()
