"""Late interaction in the search: what it adds, what it may take, and where it stays out."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import REGISTRY

from app.live import metrics
from pipelines.answering.answer import Answerer
from pipelines.embedder.loading import EncoderOptions
from pipelines.search import hybrid, rerank
from pipelines.search.parts import PartScores
from pipelines.store import chunks, db, vectors
from pipelines.versions import first
from tests.corpus import add_document
from tests.versions import load_handle

QUESTION = "Which boats may moor at the northern quay overnight?"
PASSAGES = [
    "overnight quay northern the at moor may boats Which ?",
    QUESTION,
    "The harbour master keeps the lists. Boats moor at the quay. Fees are due on Mondays.",
    "Nothing of the kind is said here about anything else at all.",
]
RUSSIAN = "Какие лодки могут стоять ночью у северного причала?"


@pytest.fixture(scope="module")
def world(module_dsn, tiny_model, tmp_path_factory):
    pool = db.open_pool(module_dsn, max_size=2)
    options = EncoderOptions(cache=tmp_path_factory.mktemp("late"), device="cpu", threads=1)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=16, stride=12, lexical_weight=0.4)
        handle = load_handle(conn, options)
        add_document(conn, handle, "harbour", PASSAGES)
    yield pool, handle
    pool.close()


def searched(conn, handle, question=QUESTION, *, tokens=True, **options):
    vector, own = handle.read(question)
    return hybrid.search(
        conn, handle, question, vector, 10, tokens=own if tokens else None, **options
    )


def test_the_passage_with_the_same_tokens_gains_most(world, monkeypatch):
    """By its share of what the vectors' side has, on top of the score without it."""
    pool, handle = world
    monkeypatch.setattr(hybrid, "trusted", lambda *_: 0.5)
    assert handle.late
    with pool.connection() as conn:
        before = {hit.text: hit.score for hit in searched(conn, handle, tokens=False).hits}
        found = searched(conn, handle)
        (ids,) = conn.execute("select array_agg(id) from chunk where text = %s", (QUESTION,))
    assert found.hits[0].text == QUESTION
    late = dict(zip(found.reranked.ids, found.reranked.late, strict=True))
    phrase = dict(zip(found.reranked.ids, found.reranked.phrase, strict=True))
    assert late[ids[0][0]] == max(late.values()) > 0
    for hit in found.hits:
        gain = 0.6 * rerank.LATE_SHARE * late[hit.chunk_id]
        gain += 0.5 * 0.4 * rerank.PHRASE_MORE * phrase[hit.chunk_id]
        assert hit.score == pytest.approx(before[hit.text] + gain)
    assert [hit.score for hit in found.hits] == sorted((h.score for h in found.hits), reverse=True)


def test_parts_of_a_passage_are_scored_by_the_codes_that_the_search_has_read(world):
    """Those of the same words as the question meet it best."""
    pool, handle = world
    with pool.connection() as conn:
        found = searched(conn, handle)
        without = searched(conn, handle, tokens=False)
    assert without.reranked.compared is None
    parts = PartScores(handle.encoder, found.reranked.compared)
    same = next(hit for hit in found.hits if hit.text == QUESTION)
    half = QUESTION.index("moor")
    whole, first_half, beyond = parts.of(same, [(0, len(QUESTION)), (0, half), (500, 510)])
    assert whole > 0.75
    assert first_half < whole
    assert np.isnan(beyond)
    other = next(hit for hit in found.hits if hit.text == PASSAGES[3])
    assert parts.of(other, [(0, len(PASSAGES[3]))])[0] < whole


def test_passages_beyond_the_first_stay_below_them(world, monkeypatch):
    """In their order, though late interaction lowers the scores of some that are above them."""
    pool, handle = world
    monkeypatch.setattr(hybrid, "RERANKED", 2)
    with pool.connection() as conn:
        plain = [hit.chunk_id for hit in searched(conn, handle, tokens=False).hits]
        found = searched(conn, handle)
    assert len(found.reranked.ids) == 2
    assert {hit.chunk_id for hit in found.hits[:2]} == set(plain[:2])
    assert [hit.chunk_id for hit in found.hits[2:]] == plain[2:]
    assert [hit.score for hit in found.hits] == sorted((h.score for h in found.hits), reverse=True)


def test_fewer_than_five_candidates_are_ordered(world):
    pool, handle = world
    with pool.connection() as conn, conn.transaction(force_rollback=True):
        add_document(conn, handle, "one", [QUESTION], collection="one")
        found = searched(conn, handle, collections=["one"])
    assert [hit.text for hit in found.hits] == [QUESTION]
    assert np.allclose(found.reranked.late, 0)


@pytest.mark.parametrize(
    ("question", "changed"),
    [
        (RUSSIAN, {}),
        (QUESTION, {"lexical_weight": 1.0}),
        (QUESTION, {"coded": False}),
        (QUESTION, {"compares": False}),
    ],
)
def test_where_it_does_not_count_no_codes_are_read(world, question, changed, monkeypatch):
    """A language that the model does not read, words alone, no codes, or switched off."""
    pool, handle = world
    handle = replace(handle, **changed)

    def never(*_, **__):
        raise AssertionError("codes were read")

    monkeypatch.setattr(vectors, "nearest_windows", never)
    vector, tokens = world[1].read(question)
    with pool.connection() as conn:
        if question == RUSSIAN:
            monkeypatch.setattr(hybrid, "trusted", lambda *_: 0.0)
        found = hybrid.search(conn, handle, question, vector, 10, tokens=tokens)
        plain = hybrid.search(conn, handle, question, vector, 10)
    assert found.reranked.late is None
    assert found.reranked.in_time
    assert [(h.chunk_id, h.score) for h in found.hits] == [
        (h.chunk_id, h.score) for h in plain.hits
    ]


@pytest.fixture
def slow(monkeypatch):
    """Codes that take a minute to read."""
    real = vectors.nearest_windows

    def slowly(conn, *arguments, **options):
        conn.execute("select pg_sleep(60)")
        return real(conn, *arguments, **options)

    monkeypatch.setattr(vectors, "nearest_windows", slowly)
    monkeypatch.setitem(hybrid.search.__kwdefaults__, "within_s", 0.1)


def test_a_slow_read_leaves_the_order_that_there_is(world, slow):
    pool, handle = world
    with pool.connection() as conn:
        plain = searched(conn, handle, tokens=False)
        started = time.perf_counter()
        found = searched(conn, handle, within_s=0.1)
        assert time.perf_counter() - started < 30
        assert not found.reranked.in_time
        assert [hit.chunk_id for hit in found.hits] == [hit.chunk_id for hit in plain.hits]
        assert conn.execute("show statement_timeout").fetchone() == ("0",)


def test_within_a_transaction_of_the_caller_no_limit_stays(world):
    pool, handle = world
    with pool.connection() as conn, conn.transaction():
        found = searched(conn, handle, within_s=30)
        assert found.reranked.late is not None
        assert conn.execute("show statement_timeout").fetchone() == ("0",)


def test_an_answer_without_late_interaction_is_counted(world, slow):
    pool, handle = world
    before = REGISTRY.get_sample_value("attune_late_skipped_total")
    answerer = Answerer(pool)
    answer = answerer.ask(QUESTION, handle=handle)
    answerer.close()
    assert answer.passages
    assert not answer.in_time
    metrics.observe(answer)
    assert REGISTRY.get_sample_value("attune_late_skipped_total") == before + 1


def test_a_question_is_embedded_once(world, monkeypatch):
    """One pass gives the vector and the tokens."""
    pool, handle = world
    calls = []
    encoder = handle.encoder
    for name in ("encode_queries", "encode_query_late"):
        real = getattr(encoder, name)
        monkeypatch.setattr(
            encoder, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1]
        )
    answerer = Answerer(pool)
    found = answerer.search(QUESTION, handle)
    answerer.close()
    assert found.hits[0].text == QUESTION
    assert found.in_time
    assert calls == ["encode_query_late"]


def test_pieces_are_counted_again_when_the_library_has_doubled(world, monkeypatch):
    pool, handle = world
    pieces = replace(handle, pieces=type(handle.pieces)()).pieces
    sampled = []
    real = chunks.sample_windows
    monkeypatch.setattr(chunks, "sample_windows", lambda *a: sampled.append(a) or real(*a))
    with pool.connection() as conn:
        for library, counted in ((10, 1), (10, 1), (19, 1), (20, 2), (39, 2), (10, 3), (0, 4)):
            found = pieces.counts(conn, handle.encoder, handle.rule_id, library)
            assert (library, len(sampled)) == (library, counted)
    assert found.windows >= len(PASSAGES)
    (harbour,) = handle.encoder.token_ids(["harbour"])
    (the,) = handle.encoder.token_ids(["the"])
    assert found.weights(harbour).min() > found.weights(the).min() > 0
