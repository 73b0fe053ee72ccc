"""A full disk is reported, answers continue, and everything recovers once there is space."""

from __future__ import annotations

import errno
import shutil
import signal
from contextlib import contextmanager
from html import unescape
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest

from app import disk
from app.chat.storing import NOT_SAVED
from app.cli import main
from pipelines.errors import DISK_FULL, is_disk_full
from pipelines.indexing.outcome import reason_of
from tests import matrix
from tests.serving_app import listening

# As PostgreSQL says it when a table cannot grow.
FULL = """
create function full_disk() returns trigger language plpgsql as
$$ begin raise exception 'could not extend file' using errcode = '53100'; end $$;
"""
WRITTEN = ("conversation", "message", "usage_count")


@pytest.fixture(scope="module")
def served(module_dsn, tiny_model, tmp_path_factory):
    with listening(module_dsn, tiny_model, tmp_path_factory.mktemp("home")) as started:
        yield started


@contextmanager
def full_database(served):
    """Nothing of what questions write can be written."""
    with served.services.pool.connection() as conn:
        conn.execute(FULL)
        for table in WRITTEN:
            conn.execute(
                f"create trigger full_disk before insert or update on {table}"
                " for each row execute function full_disk()"
            )
    yield
    with served.services.pool.connection() as conn:
        conn.execute("drop function full_disk cascade")


def ask(served, client, question):
    """Everything that the page is sent about a question, as text."""
    told, session = matrix.config(served, "", ""), uuid4().hex
    (box,) = [c["id"] for c in told["components"] if c["props"].get("elem_id") == "question"]
    (event,) = [
        e for e in told["dependencies"] if e["targets"][0] == [box, "submit"] and e["backend_fn"]
    ]
    data = [question if i == box else None for i in event["inputs"]]
    body = {"fn_index": event["id"], "data": data, "session_hash": session, "event_data": None,
            "trigger_id": box}  # fmt: skip
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    outcomes = list(matrix.outcomes(client, "", session))
    assert all(outcome["success"] for outcome in outcomes)
    return unescape(str(outcomes))


def test_questions_are_answered_on_a_full_disk(served):
    """
    The answer has a note instead of an incident. Readiness fails, and recovers without a restart.
    """
    with served.client() as client:
        client.get("/")
        assert client.get("/readyz").status_code == 200
        with full_database(served):
            said = ask(served, client, "Where do boats moor?")
            assert NOT_SAVED in said
            assert "unexpected fault" not in said
            unready = client.get("/readyz")
            assert (unready.status_code, unready.json()["reason"]) == (503, "the disk is full")
            # Sign-in needs the database, and the message says why it fails.
            refused = client.post("/login", data={"password": "x"})
            assert (refused.status_code, refused.json()["detail"]) == (503, DISK_FULL)
        assert NOT_SAVED not in ask(served, client, "Where do boats moor?")
        assert client.get("/readyz").status_code == 200


def test_readiness_looks_at_the_free_space(served, monkeypatch):
    """Before anything fails. The free space is one of the metrics."""
    with served.client() as client:
        usage = SimpleNamespace(free=disk.LEAST_FREE_BYTES - 1)
        with monkeypatch.context() as patched:
            patched.setattr(shutil, "disk_usage", lambda _: usage)
            assert client.get("/readyz").json()["reason"] == "the disk is full"
            assert client.get("/healthz").status_code == 200
            assert "attune_disk_free_bytes 9.9999999e+07" in client.get("/metrics").text
        assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), psycopg.errors.DiskFull("could not extend")],
)
def test_commands_and_files_name_a_full_disk(monkeypatch, capsys, error):
    """
    In one sentence, with the exit code of NotReadyError, even if it is only the error's cause.
    """

    def fail(**_):
        raise RuntimeError("while writing") from error

    monkeypatch.setattr(main, "app", fail)
    # A handler of its own would outlive the test.
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 4
    assert capsys.readouterr().err == f"attune: {DISK_FULL}\n"
    assert reason_of(error) == DISK_FULL
    assert not is_disk_full(ValueError("x"))
