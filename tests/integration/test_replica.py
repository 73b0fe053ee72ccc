"""A server follows the active version, and reports the versions that it has loaded."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest

from app.live import replica as following
from app.live.replica import Replica
from pipelines.errors import ArtifactError, NotReadyError
from pipelines.search import opening
from pipelines.store import active, indexes, replicas
from pipelines.versions import build, switch
from tests import versions


@pytest.fixture
def replica(world):
    pool, options, *_ = world
    replica = Replica(pool, options)
    replica.start()
    yield replica
    replica.stop()


def test_follows_promotion_and_keeps_questions_on_their_version(world, replica, monkeypatch):
    """
    A running question keeps its handle, and its version is reported as loaded. Nobody waits for
    the next poll.
    """
    pool, _, serving, candidate = world
    build.build(pool, candidate)
    with replica.question() as asked:
        switch.prepare(pool, candidate.index_id, timeout_s=60)
        monkeypatch.setattr(following, "POLL_S", 600)
        switch.promote(pool, candidate, 1, "test")
        _wait(lambda: replica.current().epoch == 2)
        assert asked.index_id == serving.index_id
        _wait(lambda: _row(pool).oldest_epoch == 1)
        assert serving.index_id in _row(pool).prepared
    switch.roll_back(pool, serving, 2, "test")
    _wait(lambda: replica.current().epoch == 3)
    assert replica.current().index_id == serving.index_id


def test_a_server_is_waited_for_as_soon_as_it_has_started(world, replica):
    """Its first report is made before `start` returns, so that no promotion overlooks it."""
    assert _row(world[0]) is not None


def test_promotion_waits_for_every_live_replica(world, replica):
    pool, _, _, candidate = world
    build.build(pool, candidate)
    with pool.connection() as conn:
        replicas.beat(conn, replicas.Beat("slow", "web", "elsewhere", 1, 1, [], None, None, []))
        with pytest.raises(NotReadyError, match="slow"):
            active.promote(conn, versions.switch(candidate, 1))


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damaged_files_are_refused_and_the_old_version_serves(world, replica, damage):
    """The manifest detects it. The reason is in the replica's row and in the refusal."""
    pool, options, serving, candidate = world
    build.build(pool, candidate)
    with pool.connection() as conn:
        folder = conn.execute("select artefact from model where name = 'v1'").fetchone()[0]
    weights = max(_files(folder), key=lambda path: path.stat().st_size)
    content = bytearray(weights.read_bytes())
    if damage == "remove":
        weights.unlink()
    elif damage == "truncate":
        weights.write_bytes(content[:-100])
    else:
        content[len(content) // 2] ^= 1
        weights.write_bytes(content)
    with pool.connection() as conn, pytest.raises(ArtifactError):
        opening.load_index(conn, candidate.index_id, options)
    with pytest.raises(NotReadyError, match=weights.name):
        switch.prepare(pool, candidate.index_id, timeout_s=60)
    with pool.connection() as conn:
        index = indexes.get(conn, candidate.index_id)
    assert weights.name in index.reason
    assert not index.wanted
    assert replica.current().index_id == serving.index_id


def test_a_refused_version_does_not_hold_up_another(world, replica, larger_model, tmp_path):
    """One that cannot be loaded, and is wanted all the same, leaves others to be loaded."""
    pool, options, _, candidate = world
    build.build(pool, candidate)
    other = versions.register(pool, larger_model, "v2", tmp_path / "elsewhere")
    _, handle = versions.create(pool, other, options)
    build.build(pool, handle)
    with pool.connection() as conn:
        folder = conn.execute("select artefact from model where name = 'v1'").fetchone()[0]
    max(_files(folder), key=lambda path: path.stat().st_size).unlink()
    with pytest.raises(NotReadyError):
        switch.prepare(pool, candidate.index_id, timeout_s=60)
    with pool.connection() as conn:
        indexes.want(conn, candidate.index_id, True)
    _wait(lambda: _row(pool).refused == [candidate.index_id])
    switch.prepare(pool, handle.index_id, timeout_s=60)


def test_survives_lost_connections(world, replica, dsn):
    """With every connection cut, it follows the next swap all the same."""
    pool, _, _, candidate = world
    _wait(lambda: _row(pool) is not None)
    build.build(pool, candidate)
    switch.prepare(pool, candidate.index_id, timeout_s=60)
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    switch.promote(pool, candidate, 1, "test")
    _wait(lambda: replica.current().epoch == 2)


def _row(pool):
    with pool.connection() as conn:
        rows = replicas.list_all(conn)
    return rows[0] if rows else None


def _wait(condition, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.02)


def _files(folder):
    return [p for p in Path(folder).rglob("*") if p.is_file() and p.name != "manifest.json"]
