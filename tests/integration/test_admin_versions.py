"""What the screens about versions read and do: plans, trying out, deleting, pairs by their source."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta

import gradio as gr
import psycopg
import pytest
from psycopg.sql import Composable
from pydantic import SecretStr

from app import queue
from app.actions import plans, retrain, version_status, versions
from app.actions.comparisons import Comparisons
from app.actions.tryout import Tryout, askable
from app.admin.screen import Screen
from app.admin.screens.versions import screen as versions_screen
from app.services import open_services
from app.settings import Settings
from pipelines.embedder import registry
from pipelines.errors import ConflictError, InputError, NotReadyError
from pipelines.store import active, document_pages, evaluations, indexes, models, pair_review, pairs
from pipelines.store.evaluations import QuestionRow
from pipelines.store.pairs import NewPair
from pipelines.versions import build, switch
from tests import versions as made
from tests.corpus import add_document
from training.pairs import stored


@pytest.fixture
def world(dsn, tiny_model, tmp_path):
    """A serving version with two documents, and a version v1 that is registered and not built."""
    config = Settings(home=tmp_path, base_model=str(tiny_model)).model_copy(
        update={"database_url": SecretStr(dsn), "window_tokens": 16, "window_stride": 12}
    )
    with open_services(config, pool_size=4) as services:
        with services.pool.connection() as conn:
            for title in ("one", "two"):
                add_document(conn, services.replica.current(), title, made.passages(12, of=title))
        made.register(services.pool, tiny_model, "v1", tmp_path / "models")
        yield services


def _built(services, name="v1"):
    return retrain.build(services, name)


def test_plan_tells_what_is_missing_and_what_the_figures_say(world):
    """
    Before a build all windows lack a vector, and after it none. Without an evaluation it is
    refused.
    """
    with world.pool.connection() as conn:
        model, before = registry.find(conn, "v1"), version_status.status(conn, "v1")
        plan = plans.promotion(conn, model, before)
    assert plan.windows > 20
    assert (plan.serving, plan.seconds, plan.measured) == ("base", None, None)
    _built(world)
    with world.pool.connection() as conn:
        plan = plans.promotion(conn, model, version_status.status(conn, "v1"))
        rows = plans.listed(conn)
    assert plan.windows == 0
    assert plan.seconds is not None
    assert [(row.model.name, row.state) for row in rows] == [("base", "serving"), ("v1", "ready")]


def test_rate_of_an_evaluation_tells_how_long_a_build_takes(world):
    """Windows per second of the same model, or of another one if it was never measured."""
    with world.pool.connection() as conn:
        model = registry.find(conn, "v1")
        assert plans.windows_per_s(conn, model) == (None, None)
        facts = [
            {"name": name, "identity": identity, "timings": {"windows": 600, "index_s": seconds}}
            for name, identity, seconds in (("base", "b", 6.0), ("v1", model.manifest_sha256, 3.0))
        ]
        _evaluation(conn, ["b"], {"models": facts[:1]})
        assert plans.windows_per_s(conn, model) == ("base", 100.0)
        _evaluation(conn, ["b", model.manifest_sha256], {"models": facts})
        assert plans.windows_per_s(conn, model) == ("v1", 200.0)


def _evaluation(conn, names, figures, questions=()):
    return evaluations.add(
        conn, dataset="corpus", dataset_sha256="x", models=names, verdict="", figures=figures,
        questions=questions,
    )  # fmt: skip


def test_question_is_asked_of_versions_that_do_not_serve(world):
    """
    They are loaded on demand, and the oldest are dropped beyond the limit. Unbuilt ones are
    refused.
    """
    tryout = Tryout(world)
    with pytest.raises(NotReadyError):
        tryout.ask("harbour pier", ["base", "v1"])
    _built(world)
    base, tried = tryout.ask("harbour pier", ["base", "v1"])
    # The same files: the same passages.
    assert [hit.chunk_id for hit in tried.hits] == [hit.chunk_id for hit in base.hits] != []
    with pytest.raises(InputError):
        tryout.ask("  ", ["base"])
    with world.pool.connection() as conn:
        assert askable(conn) == ["base", "v1"]


def test_version_is_deleted_with_its_vectors_unless_something_uses_it(world, tmp_path):
    """
    Serving, previous, loaded or half built versions stay, each with a reason. An idle one is
    deleted.
    """
    handle = _built(world)
    with world.pool.connection() as conn:
        indexes.want(conn, handle.index_id, True)
    with world.pool.connection() as conn, pytest.raises(ConflictError, match="loaded"):
        registry.delete(conn, "v1", tmp_path / "models")
    versions.release(world, "v1")
    switch.promote(world.pool, handle, 1, "test")
    with world.pool.connection() as conn, pytest.raises(ConflictError, match="it serves"):
        registry.delete(conn, "v1", tmp_path / "models")
    versions.roll_back(world, who="test")
    with world.pool.connection() as conn, pytest.raises(ConflictError, match="rollback"):
        registry.delete(conn, "v1", tmp_path / "models")
    with world.pool.connection() as conn:
        conn.execute("update active set previous_id = null")
        assert registry.why_kept(conn, registry.find(conn, "v1")) is None
        registry.delete(conn, "v1", tmp_path / "models")
        assert models.by_name(conn, "v1") is None
        table = conn.execute(f"select to_regclass('emb_{handle.index_id}')").fetchone()
        assert table == (None,)
        assert active.get(conn).index_id != handle.index_id


def test_version_that_was_retired_can_be_deleted(world, tmp_path):
    """Its vectors were dropped earlier, and its remaining row blocks nothing."""
    handle = _built(world)
    with world.pool.connection() as conn:
        assert indexes.drop(conn, handle.index_id, timedelta(0))
        registry.delete(conn, "v1", tmp_path / "models")
        assert models.by_name(conn, "v1") is None


def test_half_built_version_is_not_deleted_under_its_builder(world, tmp_path):
    """A build under way writes into the table."""
    with world.pool.connection() as conn:
        model = registry.find(conn, "v1")
        build.create(conn, model, world.replica.current().encoder.tokenizer)
    with world.pool.connection() as conn, pytest.raises(ConflictError, match="being built"):
        registry.delete(conn, "v1", tmp_path / "models")


def _pair(question, generator, split, passage="A passage that no document holds."):
    return NewPair(
        question, question, passage, passage, "file", generator, "", "doc", "", "en", split,
        "accepted",
    )  # fmt: skip


def test_run_learns_from_the_chosen_sources_and_never_looks_at_the_held_out_side(world):
    """Whatever it learns from, what it will be judged on stays out."""
    with world.pool.connection() as conn:
        pairs.add(
            conn,
            [_pair(f"q{n}", source, "train", f"p{n}") for n, source in enumerate("aabbb")]
            + [_pair("h1", "a", "heldout"), _pair("h2", "b", "heldout")],
        )
        sides = {side.generator: (side.train, side.heldout) for side in pairs.sides(conn)}
        assert sides == {"a": (2, 1), "b": (3, 1)}
        found = stored.material(conn, generators=["b"])
    assert {question.text for question in found.train} == {"q2", "q3", "q4"}
    assert found.heldout == []


def test_questions_of_a_comparison_come_by_page_with_their_passages(world):
    """Of the chosen kind, largest change first, with text and title of stored passages."""
    with world.pool.connection() as conn:
        (sha256, text), *_ = conn.execute("select sha256, text from chunk order by id").fetchall()
        rows = [
            QuestionRow(
                f"q{n}", False, [sha256],
                {"old": {"rank": 1, "top": [[sha256, 1.0]]},
                 "new": {"rank": 2 + n, "top": [["gone", 0.5]]}},
            )
            for n in range(12)
        ]  # fmt: skip
        found = _evaluation(conn, ["a", "b"], {"models": []}, rows)
    reader = Comparisons(world.pool)
    first, last = (reader.page(found, "old", "new", "lost", number) for number in (0, 99))
    assert (first.total, first.pages, len(first.entries), len(last.entries)) == (12, 2, 10, 2)
    assert first.counts == {"won": 0, "lost": 12, "alike": 0}
    assert first.entries[0].change.after is None  # beyond ten: the largest loss
    assert first.entries[0].passages[sha256].text == text
    assert first.entries[0].cause != ""
    assert reader.page(found, "old", "new", "won", 0).entries == []


def test_a_sample_of_pairs_stays_the_same_while_it_is_judged(world):
    """Of those made from documents, decided or not: what is rejected stays in view."""
    with world.pool.connection() as conn:
        wanted = [_pair(f"q{n}?", "offline", "train", f"p{n}") for n in range(30)]
        pairs.add(conn, [*wanted, _pair("harbour dues levied", "offline", "train", "p30")])
        sample = pair_review.Filter(sample=20)
        first = pair_review.look(conn, sample)
        assert first.total == 20
        pair_review.decide(conn, first.pair, "rejected", who="test")
        again = pair_review.look(conn, sample)
        assert (again.pair.id, again.pair.status, again.total) == (first.pair.id, "rejected", 20)
        assert pair_review.look(conn, pair_review.Filter("accepted")).total == 30


def test_documents_are_found_by_words_of_their_text(world):
    """In any form of the words, if all of them occur. By their title as before."""
    with world.pool.connection() as conn:
        add_document(conn, world.replica.current(), "tides", ["Pilots board the ships at dusk."])
        found = document_pages.with_words(conn, "pilot ship")
        assert [
            row.title for row in document_pages.page(conn, search="pilot ship", holding=found)
        ] == ["tides"]
        assert document_pages.count(conn, search="pilot ship", holding=found) == 1
        assert document_pages.with_words(conn, "pilot zeppelin") == []
        assert document_pages.with_words(conn, "") == []
        assert [row.title for row in document_pages.page(conn, search="TID")] == ["tides"]


def test_phrases_are_counted_among_what_was_made_offline(world):
    """Questions without a question mark in any script count. Those from other generators do not."""
    with world.pool.connection() as conn:
        texts = ["less seasonality", "Who runs it?", "من يدير الميناء؟", "谁？ "]
        pairs.add(conn, [_pair(q, "offline", "train", q) for q in texts])
        pairs.add(conn, [_pair("written by a person", "file", "train", "other")])
        assert pair_review.phrases(conn) == (1, 4)


def _looking(world):
    """The screen of versions as the page builds it. Calling it refreshes it."""
    with gr.Blocks(), gr.Tabs(), gr.Tab("Versions") as tab:
        parts = tab, gr.Textbox(), gr.Timer()
        screen = versions_screen._Versions(Screen(world, "versions", *parts))
    return lambda chosen=None: screen._look("admin", chosen, None).updates[screen.details]


@contextmanager
def _statements(monkeypatch):
    """The statements that this process sends meanwhile."""
    sent = []
    execute = psycopg.Cursor.execute

    def recorded(cursor, query, *values, **options):
        sent.append(query.as_string(cursor) if isinstance(query, Composable) else str(query))
        return execute(cursor, query, *values, **options)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", recorded)
        yield sent


def _counting(statements):
    """Those that go through all windows or vectors."""
    return [text for text in statements if re.search(r"\b(text_window|emb_\d+)\b", text)]


def test_a_look_at_the_versions_while_a_job_runs_counts_nothing(world, monkeypatch):
    """The first look counts once. Vectors are counted again only when the job has ended."""
    _built(world)
    look = _looking(world)
    with _statements(monkeypatch) as sent:
        look()
        assert len(_counting(sent)) == 1
        job = queue.defer(world, "ingest", who="test", document_ids=[1])
        sent.clear()
        for _ in range(3):
            look()
        assert _counting(sent) == []
        assert len(sent) / 3 < 30
    with world.pool.connection() as conn:
        add_document(conn, world.replica.current(), "three", made.passages(12, of="three"))
    assert "2 of 2 documents" in look()
    queue.cancel(world, job)
    assert "2 of 3 documents" in look()
