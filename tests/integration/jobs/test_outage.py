"""A worker and a program whose database is away for a while."""

from __future__ import annotations

import os
import shutil
import signal
import time

import psycopg
import pytest

from app import queue
from app.services import open_services
from app.settings import Settings
from pipelines.store import (
    jobs,
    replicas,
)
from pipelines.store.embedded import EmbeddedPostgres
from tests import scratch
from tests import versions as made
from tests.corpus import add_document
from tests.queueing import status
from tests.workers import until, working

pytestmark = pytest.mark.long


def test_worker_and_pool_outlive_an_outage_of_the_database(model, tiny_model):
    """
    The database is away for longer than any timeout, in the middle of a job.

    When it is back, the worker continues the job, and the rest of the program works as before.
    """
    folder = scratch.folder()
    with EmbeddedPostgres(folder / "db") as server:
        given = {"home": folder, "DATABASE_URL": server.dsn, "base_model": str(tiny_model)}
        environment = {"OPENAI_BASE_URL": model.llm.url, "ATTUNE_LLM": "m"}
        model.may_answer.clear()
        model.llm.requests.clear()
        with (
            open_services(Settings(device="cpu", **given)) as services,
            working(folder, server.dsn, tiny_model, **environment) as worker,
        ):
            services.replica.start()
            with services.pool.connection() as conn:
                add_document(conn, services.replica.current(), "one", made.passages(10))
                add_document(conn, services.replica.current(), "long", [made.passages(1)[0] * 4])
            job_id = queue.defer(services, "generate", who="eve", source="llm", per_passage=1)
            until(lambda: model.llm.requests)
            stop_postgres(folder / "db" / "pg")
            until(lambda: "the database is away" in worker.log)
            time.sleep(4)
            model.may_answer.set()
            server.revive()
            until(lambda: answers(services))
            until(lambda: status(services, job_id) == "succeeded")
            until(lambda: beats(services))
    shutil.rmtree(folder, ignore_errors=True)


def stop_postgres(data):
    """As a crash would."""
    pid = int((data / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    until(lambda: not (data / "postmaster.pid").exists())


def answers(services):
    try:
        return get_any(services)
    except psycopg.OperationalError:
        return False


def get_any(services):
    with services.pool.connection(timeout=1) as conn:
        return bool(jobs.recent(conn))


def beats(services):
    """Whether this process is heard of as a replica."""
    with services.pool.connection() as conn:
        return any(row.live and row.id == services.replica.id for row in replicas.list_all(conn))
