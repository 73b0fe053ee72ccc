"""Search keeps what it promises where it takes short cuts: the graph, filters, arrays, estimates."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from psycopg import sql

from bench.question import recall
from pipelines.embedder.loading import EncoderOptions
from pipelines.search import hybrid
from pipelines.store import arrays, graphs, hits, postings, question_words, scope, vectors
from pipelines.store.scope import Choice
from pipelines.text.scoring import bm25
from pipelines.versions import first
from tests.corpus import add_document
from tests.versions import load_handle

WINDOWS, DIMENSION = 3000, 32


class Clusters:
    """An encoder whose vectors lie about fifty centres, by the number that a text ends in."""

    def __init__(self, real):
        self._real = real
        self.dimension, self.tokenizer = real.dimension, real.tokenizer
        dice = np.random.default_rng(7)
        self._centres = dice.normal(size=(50, real.dimension))
        self._noise = dice.normal(size=(WINDOWS + 100, real.dimension))

    def token_offsets(self, texts):
        return self._real.token_offsets(texts)

    def reading(self, text):
        return self._real.reading(text)

    def encode_documents(self, texts):
        numbers = np.array([int(text.split()[-1]) for text in texts])
        found = self._centres[numbers % 50] + 0.7 * self._noise[numbers]
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    encode_queries = encode_documents


@pytest.fixture(scope="module")
def world(module_dsn, tiny_model, tmp_path_factory):
    """Three thousand windows, one in a hundred of them in the collection `few`."""
    from pipelines.store import db

    pool = db.open_pool(module_dsn, max_size=2)
    folder = tmp_path_factory.mktemp("search")
    options = EncoderOptions(cache=folder, device="cpu", threads=1, codes=False)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=16, stride=12, lexical_weight=0.4)
        loaded = load_handle(conn, options)
        handle = replace(loaded, encoder=Clusters(loaded.encoder))
        few = [f"window {n}" for n in range(0, WINDOWS, 100)]
        many = [f"window {n}" for n in range(WINDOWS) if n % 100]
        add_document(conn, handle, "few", few, collection="few")
        add_document(conn, handle, "many", many)
        add_document(conn, handle, "deutsch", ["Die Häuser 3050"], language="de")
        graphs.create_hnsw(conn, handle.vectors_id)
    yield pool, handle
    pool.close()


@pytest.fixture
def asked(world):
    """Questions with vectors of their own."""
    _, handle = world
    questions = [f"question {n}" for n in range(WINDOWS, WINDOWS + 50)]
    return list(zip(questions, handle.encoder.encode_queries(questions), strict=True))


@pytest.mark.parametrize("collections", [None, ["few"], ["default"]])
@pytest.mark.parametrize("exact_chunks", [0, hits.EXACT_CHUNKS])
def test_the_graph_finds_the_nearest_windows(world, asked, collections, exact_chunks, monkeypatch):
    """At least .98 of the true ten, also where a filter keeps one window in a hundred."""
    pool, handle = world
    monkeypatch.setattr(hits, "EXACT_CHUNKS", exact_chunks)
    with pool.connection() as conn:
        assert recall(conn, handle, asked, collections) >= 0.98


def test_without_a_graph_all_windows_are_compared(world, asked):
    """As with few windows. The graph is dropped in a transaction that is rolled back."""
    pool, handle = world
    with pool.connection() as conn, conn.transaction(force_rollback=True):
        conn.execute(f"drop index {graphs.hnsw_name(handle.vectors_id)}")
        assert recall(conn, handle, asked, None) == 1
        assert not graphs.lacks_graph(conn, handle.vectors_id)


def test_a_filter_lets_nothing_else_through(world, asked):
    pool, handle = world
    with pool.connection() as conn:
        for question, vector in asked[:5]:
            hits = hybrid.hybrid(conn, handle, question, vector, 20, collections=["few"])
            assert {hit.collection for hit in hits} == {"few"}
            assert hybrid.hybrid(conn, handle, question, vector, 20, collections=[]) == []


def _id_of(conn, title):
    (found,) = conn.execute("select id from document where title = %s", (title,)).fetchone()
    return found


@pytest.mark.parametrize("exact_chunks", [0, hits.EXACT_CHUNKS])
def test_a_choice_of_documents_finds_their_nearest_windows_and_no_others(
    world, asked, exact_chunks, monkeypatch
):
    """One document alone, and one together with a whole collection."""
    pool, handle = world
    monkeypatch.setattr(hits, "EXACT_CHUNKS", exact_chunks)
    with pool.connection() as conn:
        few, german = _id_of(conn, "few"), _id_of(conn, "deutsch")
        readable = ["default", "few"]
        one = scope.narrow(readable, Choice(documents=(german,)))
        both = scope.narrow(readable, Choice(collections=("few",), documents=(german,)))
        for within, titles in [(one, {"deutsch"}), (both, {"few", "deutsch"})]:
            assert recall(conn, handle, asked, within) == 1
            for question, vector in asked[:5]:
                found = hybrid.hybrid(conn, handle, question, vector, 40, collections=within)
                assert {hit.title for hit in found} == titles
        closed = scope.narrow(["default"], Choice(documents=(few,)))
        assert hybrid.hybrid(conn, handle, *asked[0], 20, collections=closed) == []


def test_where_the_graph_gives_up_early_the_rest_is_compared(world, asked, monkeypatch):
    """A filter whose windows are all far from the question would else leave next to none."""
    pool, handle = world
    monkeypatch.setattr(hits, "EXACT_CHUNKS", 0)
    with pool.connection() as conn, conn.transaction(force_rollback=True):
        conn.execute("set local hnsw.max_scan_tuples = 150")
        assert recall(conn, handle, asked, ["few"]) == 1


@pytest.mark.parametrize("name", ["50% off", "it's", "a\\b 100%", "ü 漢"])
def test_any_name_of_a_collection_can_be_searched(world, name):
    """A per cent sign stands for a value in a statement, and a quote ends a text."""
    pool, handle = world
    question = "What do the cats eat? 3070"
    vector = handle.encoder.encode_queries([question])[0]
    with pool.connection() as conn, conn.transaction(force_rollback=True):
        add_document(conn, handle, "cats", ["Cats eat fish 3060"], collection=name)
        found = hybrid.hybrid(conn, handle, question, vector, 2, collections=[name])
        assert [hit.collection for hit in found] == [name]


def test_of_passages_with_the_same_words_the_one_with_the_phrase_is_first(world):
    """Both hold the same words equally often and equally close. The other one has the lower id."""
    pool, handle = world
    words_rank = replace(handle, lexical_weight=1.0)
    passages = ["share the of dues pier 3060", "dues of the pier share 3060"]
    question = "What are the dues of the pier? 3070"
    vector = handle.encoder.encode_queries([question])[0]
    with pool.connection() as conn, conn.transaction(force_rollback=True):
        add_document(conn, handle, "phrases", passages, collection="phrases")
        found = hybrid.hybrid(conn, words_rank, question, vector, 2, collections=["phrases"])
        assert [hit.text for hit in found] == passages[::-1]
        assert found[0].lexical == found[1].lexical
        alone = hybrid.hybrid(
            conn, words_rank, question, vector, 2, collections=["phrases"], mode="lexical"
        )
        assert [hit.text for hit in alone] == passages


def test_distances_from_the_graph_are_those_of_comparing_all(world, asked):
    """A hit's cosine and best window do not depend on which side brought it in."""
    pool, handle = world
    with pool.connection() as conn:
        for _, vector in asked[:5]:
            near = vectors.nearest(conn, handle.vectors_id, vector, 100)
            exact = vectors.best_windows(conn, handle.vectors_id, vector, list(near))
            assert {c: w.cosine for c, w in near.items()} == pytest.approx(
                {c: w.cosine for c, w in exact.items()}
            )


def test_bm25_of_arrays_is_bm25_by_sql(world):
    """The chunks that the formula in SQL puts first, for several words."""
    pool, _ = world
    with pool.connection() as conn:
        asked = question_words.question(conn, "window 17 1234 2999")
        found = postings.candidates(conn, asked, 20)
        rows = conn.execute(
            sql.SQL(
                "select p.chunk_id from unnest(%(terms)s::text[], %(idf)s::float8[]) t (term, idf)"
                " join posting p on p.term = t.term group by p.chunk_id order by"
                " sum(t.idf * p.tf / (p.tf + {k1} * (1 - {b} + {b} * p.length / %(mean)s::float8)))"
                " desc, p.chunk_id limit 20"
            ).format(k1=sql.Literal(bm25.K1), b=sql.Literal(bm25.B)),
            {
                "terms": asked.rare,
                "idf": [float(asked.weights[asked.word[term]]) for term in asked.rare],
                "mean": asked.mean_length,
            },
        )
        assert found == [row[0] for row in rows]


def test_arrays_come_as_they_are(world):
    pool, _ = world
    values = [1, -1, 2**62, -(2**63), 0]
    with pool.connection() as conn, arrays.cursor(conn) as cursor:
        large, small = cursor.execute(
            "select array_agg(v), array_agg((v %% 100)::int2) from unnest(%s::int8[]) v", (values,)
        ).fetchone()
    assert large.tolist() == values
    assert small.tolist() == [1, -1, 4, -8, 0]


def test_common_words_are_counted_once_a_minute_and_rare_ones_always(world, monkeypatch):
    """
    A new document's rare words count at once. A word in all documents keeps its cached frequency.
    """
    pool, handle = world
    with pool.connection() as conn:
        before = postings.frequencies(conn, ["window", "brandnew"])
        assert before["window"].chunks >= postings.COUNTED
        counted = []
        count = postings._count
        monkeypatch.setattr(
            postings, "_count", lambda conn, terms: counted.extend(terms) or count(conn, terms)
        )
        add_document(conn, handle, "new", ["brandnew 3051"])
        after = postings.frequencies(conn, ["window", "brandnew"])
        assert counted == ["brandnew"]
        assert (before["brandnew"].chunks, after["brandnew"].chunks) == (0, 1)
        assert after["window"] == before["window"]
        monkeypatch.setattr(time, "monotonic", lambda clock=time.monotonic: clock() + 61)
        postings.frequencies(conn, ["window"])
        assert counted == ["brandnew", "window"]


def test_languages_are_those_that_are_there(world):
    pool, handle = world
    with pool.connection() as conn:
        assert sorted(postings.languages(conn)) == ["de", "en"]
        assert postings.languages(conn, most=1) == ["en"]
        add_document(conn, handle, "français", ["Les maisons 3052"], language="fr")
        assert "fr" in postings.languages(conn)
