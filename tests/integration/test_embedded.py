"""The embedded database starts again whatever a full disk cut off of its small files."""

from __future__ import annotations

import errno
import os
import shutil

import psycopg
import pytest

from pipelines.errors import NotReadyError
from pipelines.store import embedded
from pipelines.store.embedded import CONFIG, EmbeddedPostgres
from tests import scratch


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_files_that_were_cut_off_do_not_keep_it_from_starting(monkeypatch):
    """Settings and the list of processes are written again. A full disk is reported."""
    folder = scratch.folder("at")
    try:
        with EmbeddedPostgres(folder):
            pass
        data = folder / "pg"
        for name, left in [(CONFIG, ""), ("postgresql.conf", ""), (".handle_pids.json", "[12,")]:
            assert (data / name).exists(), name
            (data / name).write_text(left)
        with EmbeddedPostgres(folder) as server, psycopg.connect(server.dsn) as conn:
            assert conn.execute("show jit").fetchone() == ("off",)
        with monkeypatch.context() as patched:
            patched.setattr(embedded, "_configure", no_space)
            with pytest.raises(NotReadyError, match="disk that Attune writes to is full"):
                EmbeddedPostgres(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_data_folder_of_another_machine_opens():
    """There the account of the database has another number."""
    folder = scratch.folder("at")
    try:
        with EmbeddedPostgres(folder) as server, psycopg.connect(server.dsn) as conn:
            conn.execute("create table kept as select 7 as value")
        for place in ((data := folder / "pg"), *data.rglob("*")):
            os.chown(place, 54321, 54321)
        with EmbeddedPostgres(folder) as server, psycopg.connect(server.dsn) as conn:
            assert conn.execute("select value from kept").fetchone() == (7,)
        shutil.chown(data / "PG_VERSION", "nobody")
        with pytest.raises(NotReadyError, match="Run Attune as nobody"):
            EmbeddedPostgres(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
