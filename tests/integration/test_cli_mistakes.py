"""Commands given what they cannot use: one sentence, the fitting exit code, and nothing is changed."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import psycopg
import pytest

from app import settings
from app.live.replica import Replica
from app.services import encoder_options
from pipelines.store import active, db, jobs
from pipelines.store.replicas import Beat


def test_a_job_that_succeeded_keeps_its_result_when_a_retry_is_refused(attune, dsn):
    with psycopg.connect(dsn, autocommit=True) as conn:
        job_id = jobs.add(conn, "ingest", "documents", {"document_ids": [1], "who": "cli"})
        conn.execute(
            "insert into job_progress (job_id, task, stage, done, total, result)"
            " values (%s, 'ingest', 'indexing', 1921, 1921, '{\"indexed\": 27}')",
            (job_id,),
        )
        conn.execute(
            "set search_path to procrastinate;"
            " update procrastinate_jobs set status = 'doing';"
            " update procrastinate_jobs set status = 'succeeded'"
        )
    code, _, err = attune("jobs", "retry", str(job_id))
    assert (code, err) == (3, f"attune: Job {job_id} cannot be tried again: done.\n")
    shown = json.loads(attune("jobs", "show", str(job_id), "--json")[1])
    assert (shown["done"], shown["total"], shown["result"]) == (1921, 1921, {"indexed": 27})


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_is_refused_in_a_sentence(attune, monkeypatch, port):
    code, _, err = attune("serve", "--port", port, "--no-open")
    assert code == 2
    assert "Invalid value for '--port'" in err
    monkeypatch.setenv("ATTUNE_PORT", port)
    code, _, err = attune("serve", "--no-open")
    assert code == 2
    assert err.startswith("attune: ATTUNE_PORT: Input should be ")


def test_a_version_that_is_not_there_is_named_with_those_that_are(attune):
    """Before anything is computed, downloaded, asked or queued."""
    told = "attune: There is no version v9; there are base."
    commands = [
        ("evaluate", "--models", "base,v9"),
        ("evaluate", "--models", "base,v9", "--queue"),
        *(("models", verb, "v9") for verb in ("show", "build", "prepare", "shadow", "promote", "delete")),
        ("train", "--base", "v9"),
    ]  # fmt: skip
    for command in commands:
        code, out, err = attune(*command)
        assert (code, out) == (2, ""), command
        if command[0] != "train":  # which looks for pairs first
            assert told in err, command


def test_a_rollback_without_a_version_before_asks_nothing(attune):
    code, out, err = attune("models", "rollback")
    assert (code, out) == (2, "")
    assert err == "attune: No version served before this one: there is nothing to go back to.\n"


def test_a_file_that_is_no_file_of_pairs_says_which_are(attune, tmp_path):
    (tmp_path / "notes.md").write_text("# Notes\n")
    code, _, err = attune("pairs", "import", str(tmp_path / "notes.md"))
    assert code == 2
    assert err.endswith("notes.md is not a file of pairs: JSON and CSV are read.\n")


def test_without_a_command_the_help_is_all(attune):
    for command in ((), ("jobs",)):
        code, _, err = attune(*command)
        assert code == 2
        assert "attune: \n" not in err


def test_the_admin_link_names_the_server_that_runs(attune, dsn):
    """
    It has the server's own address, whatever this shell's port is. The command says if no server
    runs.
    """
    code, out, err = attune("admin-link")
    assert (code, out) == (4, "")
    assert "No server of Attune runs on this machine" in err
    pool = db.open_pool(dsn, max_size=2)
    gone = Beat("web-gone", "web", socket.gethostname(), 2**22 + 1, 1, [], None, None, [], "http://127.0.0.1:1")  # fmt: skip
    with pool.connection() as conn:
        from pipelines.store import replicas

        replicas.beat(conn, gone)
    assert attune("admin-link")[0] == 4
    server = Replica(pool, encoder_options(settings.load()))
    server.address = "http://127.0.0.1:7902"
    server.current()
    server.start()
    try:
        for _ in range(100):
            code, out, _ = attune("admin-link")
            if code == 0:
                break
        assert out.startswith("http://127.0.0.1:7902/")
    finally:
        server.stop()
        pool.close()


def test_a_path_that_cannot_be_taken_stops_no_other(attune, tmp_path):
    """Each has its own line, and what was left out of a folder is said."""
    folder = tmp_path / "given"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").write_text("The quokka lives on Rottnest Island.")
    (folder / "b.txt").write_text("The quokka lives on Rottnest Island.")
    os.mkfifo(folder / "pipe.txt")
    (folder / "linked").symlink_to(folder / "inner")
    Path(os.fsdecode(os.fsencode(folder) + b"/latin\xe9.txt")).write_text("The pump has 40 bar.")
    given = [
        str(folder / "a.txt"),
        str(folder / "missing.txt"),
        str(folder / "pipe.txt"),
        str(folder),
    ]
    code, out, _ = attune("ingest", *given)
    assert code == 10
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines] == ["failed", "failed", "failed", "indexed", "1"]
    assert "missing.txt  it does not exist" in out
    assert "pipe.txt  it is a named pipe, not a file" in out
    assert "given  it is a folder; add --recursive to add the files in it" in out
    code, out, _ = attune("ingest", "-r", str(folder), "--json")
    told = json.loads(out)
    assert (code, told["indexed"], told["duplicates"], told["unchanged"]) == (0, 1, 1, 1)
    assert [one["path"].rsplit("/", 1)[1] for one in told["files"]] == [
        "latin\\xe9.txt", "a.txt", "b.txt",
    ]  # fmt: skip
    assert told["not_read"] == [
        f"{folder}/linked: a link to a folder",
        f"{folder}/pipe.txt: it is a named pipe, not a file",
    ]
    listed = json.loads(attune("documents", "list", "--json")[1])["documents"]
    ids = {one["title"]: one["id"] for one in listed}
    assert {one["title"]: (one["status"], one["same_as"], one["chunks"]) for one in listed} == {
        "one": ("indexed", None, 12), "latin\\xe9.txt": ("indexed", None, 1),
        "a.txt": ("indexed", None, 1), "b.txt": ("duplicate", ids["a.txt"], 1),
    }  # fmt: skip
    assert "same content as" in attune("documents", "list")[1]
    shown = json.loads(attune("documents", "show", str(ids["b.txt"]), "--json")[1])
    assert "quokka" in shown["passages"][0]["text"]
    code, out, err = attune("ingest", str(folder / "missing.txt"))
    assert (code, out) == (2, "")
    assert err == f"attune: {folder}/missing.txt: it does not exist.\n"


def test_documents_deleted_by_a_command_stand_in_the_audit(attune, dsn):
    one = json.loads(attune("documents", "list", "--json")[1])["documents"][0]["id"]
    code, _, err = attune("documents", "delete", "--yes", str(one), "4711")
    assert (code, err) == (
        2, "attune: There is no document with id 4711: attune documents list\n"
    )  # fmt: skip
    assert attune("documents", "delete", "--yes", str(one))[0] == 0
    assert json.loads(attune("documents", "list", "--json")[1])["documents"] == []
    with psycopg.connect(dsn) as conn:
        told = [(entry.who, entry.action, entry.detail) for entry in active.audits(conn)]
    assert ("cli", "delete documents", {"titles": ["one"]}) in told
