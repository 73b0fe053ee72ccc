"""
A version is built while another serves, then proved, promoted and rolled back, and nothing is lost.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector
from psycopg import sql
from psycopg.errors import CheckViolation

from pipelines.errors import ConflictError, NotReadyError
from pipelines.progress import Stopped, Task
from pipelines.search import hybrid, opening
from pipelines.store import (
    active,
    chunks,
    document_list,
    gaps,
    indexes,
    probes,
    replicas,
)
from pipelines.store.active import GapError
from pipelines.versions import build, proof
from pipelines.versions import switch as cutover
from tests import versions
from tests.corpus import add_document


def _promote(pool, handle, epoch=1):
    build.build(pool, handle)
    return cutover.promote(pool, handle, epoch, "test")


def _cut_windows(pool, handle):
    """The candidate's windows, without their vectors."""
    build.fill(pool, handle)
    with pool.connection() as conn:
        conn.execute(sql.SQL("delete from {}").format(indexes.table(handle.vectors_id)))


def test_a_statement_of_minutes_hears_a_stop(pool):
    """For example one that builds a graph. The connection is usable afterwards."""
    began = time.monotonic()
    with pool.connection() as conn:
        with pytest.raises(Stopped), build.cancelled_with(Task(is_stopping=lambda: True), conn):
            conn.execute("select pg_sleep(120)")
        conn.rollback()
        assert conn.execute("select 1").fetchone() == (1,)
    assert time.monotonic() - began < 60


def test_build_promote_and_roll_back(world):
    """The candidate serves after one transaction, and the previous version after another."""
    pool, _, serving, candidate = world
    told = []
    build.build(pool, candidate, Task(told.append))
    assert [told[0].stage, told[-1].stage] == ["embedding", "ready"]
    after = cutover.promote(pool, candidate, 1, "admin")
    assert (after.index_id, after.previous_id, after.epoch) == (
        candidate.index_id,
        serving.index_id,
        2,
    )
    with pool.connection() as conn:
        vector = candidate.encoder.encode_queries(["harbour pier"])[0]
        assert hybrid.hybrid(conn, candidate, "harbour pier", vector, 5)
        assert [i.id for i in indexes.maintained(conn)] == [candidate.index_id, serving.index_id]
    back = cutover.roll_back(pool, serving, 2, "admin", reason="worse")
    assert (back.index_id, back.previous_id, back.epoch) == (
        serving.index_id,
        candidate.index_id,
        3,
    )
    with pool.connection() as conn:
        said = [(a.who, a.action, a.detail["epoch"]) for a in active.audits(conn)]
    assert said == [("admin", "rollback", 3), ("admin", "promote", 2)]


def test_promotion_refuses_a_stale_epoch_and_an_unfinished_version(world):
    pool, _, _, candidate = world
    with pool.connection() as conn, pytest.raises(NotReadyError, match="building"):
        active.promote(conn, versions.switch(candidate, 1))
    build.build(pool, candidate)
    with pool.connection() as conn, pytest.raises(ConflictError, match="changed meanwhile"):
        active.promote(conn, versions.switch(candidate, 7))


def test_promotion_refuses_what_is_missing_stale_or_left_over(world):
    """A window without a vector, a vector of other content, one without a window: each refuses."""
    pool, _, serving, candidate = world
    build.build(pool, candidate)
    emb = indexes.table(candidate.index_id)
    spoils = [
        "delete from {} where window_id = (select min(window_id) from {})",
        "update {} set sha256 = 'other' where window_id = (select min(window_id) from {})",
        "insert into {} select 999999, sha256, v, codes from {} limit 1",
    ]
    for spoil in spoils:
        with pool.connection() as conn:
            conn.execute(sql.SQL(spoil).format(emb, emb))
        with pool.connection() as conn, pytest.raises(GapError):
            active.promote(conn, versions.switch(candidate, 1))
        build.fill(pool, candidate)
    with pool.connection() as conn:
        add_document(conn, serving, "late", versions.passages(3, of="late"))
    with pool.connection() as conn, pytest.raises(GapError):
        active.promote(conn, versions.switch(candidate, 1))
    cutover.promote(pool, candidate, 1, "test")  # catches up by itself
    with pool.connection() as conn:
        assert not gaps.measure(conn, candidate.vectors_id, candidate.rule_id)


def test_the_end_of_a_switch_says_whether_all_is_there(world):
    """It adds what came in last and removes what is left over, or leaves it all if it is too much."""
    pool, _, serving, candidate = world
    build.build(pool, candidate)
    emb = indexes.table(candidate.index_id)
    with pool.connection() as conn:
        conn.execute(
            sql.SQL("insert into {} select 999999, sha256, v, codes from {} limit 1").format(
                emb, emb
            )
        )
        add_document(conn, serving, "late", versions.passages(build.LEAST_TAIL + 1, of="late"))
        assert not build.fill_tail(conn, candidate, rate=0)
        assert gaps.exists(conn, candidate.vectors_id, candidate.rule_id)
        assert build.fill_tail(conn, candidate, rate=1000)
        assert not gaps.exists(conn, candidate.vectors_id, candidate.rule_id)


def test_a_zero_vector_is_refused_by_the_table(world):
    pool, _, _, candidate = world
    with pool.connection() as conn, pytest.raises(CheckViolation):
        conn.execute(
            sql.SQL("insert into {} values (1, 'x', array_fill(0, array[48])::halfvec, '')").format(
                indexes.table(candidate.index_id)
            )
        )


def test_a_delete_during_a_build_stays_deleted(world):
    """Vectors computed before a delete do not come back after it."""
    pool, _, _, candidate = world
    _cut_windows(pool, candidate)
    with pool.connection() as conn:
        before = gaps.lacking(conn, candidate.vectors_id, candidate.rule_id, 1000)
        made = candidate.embed([w.text for w in before])
        document = conn.execute("select id from document where title = 'one'").fetchone()[0]
        chunks.delete_document(conn, document)
        conn.commit()
        added = gaps.add_vectors(conn, candidate.vectors_id, before, made.vectors, made.codes)
        assert 0 < added < len(before)
        left = gaps.measure(conn, candidate.vectors_id, candidate.rule_id)
    assert not left


def test_a_delete_waits_for_vectors_on_their_way_in(world):
    """A delete that starts while vectors are being added removes those too, in every index."""
    pool, _, serving, candidate = world
    _cut_windows(pool, candidate)
    with pool.connection() as conn:
        found = gaps.lacking(conn, candidate.vectors_id, candidate.rule_id, 1000)
        made = candidate.embed([w.text for w in found])
        document = conn.execute("select id from document where title = 'one'").fetchone()[0]

        def delete():
            with pool.connection() as other:
                chunks.delete_document(other, document)

        thread = threading.Thread(target=delete)
        with conn.transaction():
            gaps.add_vectors(conn, candidate.vectors_id, found, made.vectors, made.codes)
            thread.start()
            time.sleep(0.2)
        conn.commit()
        thread.join()
        for handle in (serving, candidate):
            assert not gaps.measure(conn, handle.vectors_id, handle.rule_id)


def test_several_workers_share_a_build(world):
    """Three at once leave each window with one vector and none without."""
    pool, _, _, candidate = world
    candidate = replace(candidate)
    added = []
    threads = [
        threading.Thread(target=lambda: added.append(build.fill(pool, candidate))) for _ in range(3)
    ]
    [t.start() for t in threads]
    [t.join() for t in threads]
    with pool.connection() as conn:
        assert sum(added) == indexes.count_vectors(conn, candidate.vectors_id)
        assert not gaps.measure(conn, candidate.vectors_id, candidate.rule_id)


def test_a_stopped_build_goes_on_where_it_was(world, monkeypatch):
    pool, _, _, candidate = world
    monkeypatch.setattr(build, "BATCH", 5)
    calls = iter([False, False, True])
    with pytest.raises(Stopped):
        build.fill(pool, candidate, Task(is_stopping=lambda: next(calls)))
    with pool.connection() as conn:
        assert indexes.count_vectors(conn, candidate.vectors_id) == 10
        total = gaps.measure(conn, candidate.vectors_id, candidate.rule_id).windows + 10
    assert build.fill(pool, candidate) == total - 10


def test_a_version_with_windows_of_its_own(world):
    """A model that wants another size gets its windows cut for every chunk, and swaps like others."""
    pool, options, serving, candidate = world
    with pool.connection() as conn:
        from pipelines.store import models

        model = models.by_name(conn, "v1")
        indexes.mark(conn, candidate.index_id, "failed")
        index_id = build.create(conn, model, candidate.encoder.tokenizer, size=8, stride=6)
        handle = opening.load_index(conn, index_id, options)
    assert handle.rule_id != serving.rule_id
    _promote(pool, handle)
    with pool.connection() as conn:
        add_document(conn, replace(handle, epoch=2), "late", versions.passages(2, of="late"))
    cutover.roll_back(pool, serving, 2, "test")
    with pool.connection() as conn:
        assert not gaps.measure(conn, serving.vectors_id, serving.rule_id)
        document = conn.execute("select id from document where title = 'late'").fetchone()[0]
        chunks.delete_document(conn, document)
        assert not gaps.measure(conn, handle.vectors_id, handle.rule_id)


def test_tuning_of_questions_alone_needs_no_build(world, tiny_model, tmp_path):
    """Its index borrows the vectors of its parent's, which then are kept."""
    pool, options, serving, _ = world
    model_id = versions.register(pool, tiny_model, "v2", tmp_path / "models")
    with pool.connection() as conn:
        conn.execute(
            "update model set kind = 'query', parent_id = %s where id = %s",
            (serving.model_id, model_id),
        )
    _, handle = versions.create(pool, model_id, options)
    assert handle.vectors_id == serving.index_id
    _promote(pool, handle)
    with pool.connection() as conn:
        add_document(conn, replace(handle, epoch=2), "late", versions.passages(2, of="late"))
        assert [i.id for i in indexes.maintained(conn)] == [serving.index_id]
        vector = handle.encoder.encode_queries(["harbour"])[0]
        assert hybrid.hybrid(conn, handle, "harbour", vector, 3, mode="dense")


def test_two_promotions_at_once_have_one_winner(world):
    pool, _, _, candidate = world
    build.build(pool, candidate)
    results = []

    def attempt():
        try:
            results.append(cutover.promote(pool, candidate, 1, "test").epoch)
        except ConflictError:
            results.append(None)

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(results, key=str) == [2, None]


def test_writers_without_a_pause_do_not_keep_a_version_from_serving(world):
    """The last documents are caught up inside the switch, larger amounts in a round before it."""
    pool, _, serving, candidate = world
    build.build(pool, candidate)
    rounds = []

    def write_after(real, most):
        def then_write(*args, **kwargs):
            made = real(*args, **kwargs)
            rounds.append(real)
            with pool.connection() as conn:
                name = f"late {len(rounds)}"
                add_document(conn, serving, name, versions.passages(most, of=f"l{len(rounds)}x"))
            return made

        return then_write

    caught_up = build.catch_up
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "fill", write_after(build.fill, build.LEAST_TAIL + 1))
        patch.setattr(build, "catch_up", write_after(build.catch_up, 1))
        assert cutover.promote(pool, candidate, 1, "test").epoch == 2
    assert rounds.count(caught_up) == 1
    with pool.connection() as conn:
        assert not gaps.measure(conn, candidate.vectors_id, candidate.rule_id)


def test_a_lost_commit_is_looked_up(world, monkeypatch):
    """If the connection dies at COMMIT, the caller learns the database's outcome."""
    pool, _, _, candidate = world
    build.build(pool, candidate)
    real = active.promote

    def commits_and_dies(conn, switch, complete=None):
        real(conn, switch, complete)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(active, "promote", commits_and_dies)
    assert cutover.promote(pool, candidate, 1, "test").epoch == 2


def test_proof_fails_on_vectors_of_another_model(world):
    """Complete, valid, and wrong: embedding again shows it."""
    pool, _, _, candidate = world
    build.build(pool, candidate)
    with pool.connection() as conn:
        assert proof.prove(conn, candidate).passed
        conn.execute(
            sql.SQL("update {} set v = %s").format(indexes.table(candidate.index_id)),
            (HalfVector(np.random.default_rng(0).normal(size=48)),),
        )
        found = proof.prove(conn, candidate)
    assert not found.passed
    assert "embedded again" in found.failures()


def test_tables_are_dropped_only_when_nobody_uses_them(world, larger_model, tmp_path):
    """
    After two more swaps the first version may be dropped, unless a replica still has it loaded.
    """
    pool, options, serving, candidate = world
    _promote(pool, candidate)
    third = versions.register(pool, larger_model, "v2", tmp_path / "models")
    _, handle = versions.create(pool, third, options)
    _promote(pool, handle, 2)
    now = timedelta(0)
    with pool.connection() as conn:
        assert indexes.expired(conn, timedelta(days=1)) == []
        beat = replicas.Beat("r", "web", "h", 1, 1, [serving.index_id], 1, None, [])
        replicas.beat(conn, beat)
        assert indexes.expired(conn, now) == []
        replicas.beat(conn, replace(beat, prepared=[handle.index_id], oldest_epoch=None))
        assert indexes.expired(conn, now) == [serving.index_id]
        assert indexes.drop(conn, serving.index_id, now)
        assert not indexes.drop(conn, candidate.index_id, now)
        document = conn.execute("select id from document where title = 'one'").fetchone()[0]
        chunks.delete_document(conn, document)


def test_a_window_deleted_while_the_proof_looks_is_not_missed(world):
    """One that is there and not found is: nothing else is near its vector."""
    pool, _, serving, _ = world
    with pool.connection() as conn:
        looked_at = probes.sample(conn, serving.vectors_id, serving.rule_id, 200)
        (first, *_) = looked_at
        lost = replace(first, sha256="", vector=-first.vector)
        assert probes.not_found(conn, serving.vectors_id, [*looked_at, lost]) == [lost]
        for listed in document_list.list_all(conn):
            chunks.delete_document(conn, listed.document.id)
        assert probes.not_found(conn, serving.vectors_id, [*looked_at, lost]) == []
