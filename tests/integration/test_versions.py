"""The commands for versions: the gate, promotion and rollback, and their output."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from app import doctor
from app.actions import evaluating, retrain, version_status, versions
from app.services import open_services
from app.settings import Settings
from app.worker import upkeep
from pipelines.errors import ConflictError, GateError, InputError, NotReadyError
from pipelines.progress import Task
from pipelines.store import active, evaluations, graphs
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model
from training.evaluation.candidates import identity
from training.pairs import from_file
from training.pairs.seedfile import SeedFile


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    with made.opened(dsn, tiny_model, tmp_path, 12) as opened:
        larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
        made.register(opened.pool, larger, "v1", tmp_path / "models")
        yield opened


def evaluate(services, outcome="no proof yet", questions=100, sha256=""):
    """An evaluation of v1 against the base, as it would be stored."""
    from pipelines.store import models

    with services.pool.connection() as conn:
        base, tuned = (models.by_name(conn, name) for name in ("base", "v1"))
        names = [{"identity": identity(m), "name": m.name} for m in (base, tuned)]
        verdict = {"model": "v1", "outcome": outcome, "sentence": f"It is {outcome}."}
        figures = {"models": names, "dataset": {"questions": questions}, "verdicts": [verdict],
                   "comparisons": []}  # fmt: skip
        evaluations.add(
            conn, dataset="d", dataset_sha256=sha256, models=[n["identity"] for n in names],
            verdict=outcome, figures=figures, questions=[],
        )  # fmt: skip


def state(services, name):
    with services.pool.connection() as conn:
        return next(s for s in version_status.statuses(conn) if s.name == name)


def test_a_version_serves_and_goes_back(services):
    evaluate(services)
    assert state(services, "v1").state == "not built"
    assert retrain.promote(services, "v1", who="eve").epoch == 2
    found = state(services, "v1")
    assert (found.state, found.documents, found.complete) == ("serving", 1, 1)
    assert found.vectors == found.windows > 0
    assert found.proof["passed"]
    assert services.replica.refresh().model_name == "v1"
    with pytest.raises(ConflictError, match="serves already"):
        retrain.promote(services, "v1", who="eve")
    assert versions.roll_back(services, who="eve", reason="slower").epoch == 3
    assert services.replica.refresh().model_name == "base"
    assert state(services, "v1").state == "previous"
    with services.pool.connection() as conn:
        said = [(a.action, a.who, a.detail["version"]) for a in active.audits(conn)]
    assert said == [("rollback", "eve", "base"), ("promote", "eve", "v1")]


def test_without_proof_a_version_needs_a_reason(services):
    with pytest.raises(GateError, match="Not compared"):
        retrain.promote(services, "v1", who="eve")
    evaluate(services, outcome="worse")
    with pytest.raises(GateError, match="Worse"):
        retrain.promote(services, "v1", who="eve")
    retrain.promote(services, "v1", who="eve", override="the documents changed since")
    with services.pool.connection() as conn:
        (said,) = active.audits(conn)
    assert said.detail["overridden"]
    assert "the documents changed since" in said.detail["gate"]


def test_clear_refusals(services):
    with pytest.raises(InputError, match="There is no version v9"):
        retrain.build(services, "v9")
    with pytest.raises(InputError, match="No version served before"):
        versions.roll_back(services, who="eve")
    with pytest.raises(NotReadyError, match="not built"):
        versions.prepare(services, "v1")


def test_documents_that_come_meanwhile_are_caught_up(services):
    evaluate(services)
    retrain.build(services, "v1")
    with services.pool.connection() as conn:
        add_document(conn, services.replica.current(), "late", made.passages(3, of="late"))
    assert state(services, "v1").complete == 1
    retrain.promote(services, "v1", who="eve")
    assert state(services, "v1").complete == 2
    assert json.dumps(state(services, "v1").as_json())


def test_the_previous_version_is_kept_complete(services):
    """A document that comes in after a promotion is in the version before, too: rollback stays fast."""
    evaluate(services)
    retrain.promote(services, "v1", who="eve")
    with services.pool.connection() as conn:
        add_document(conn, services.replica.refresh(), "late", made.passages(3, of="late"))
    assert state(services, "base").complete == 1
    assert upkeep.wanted(services)
    assert upkeep.run(services)["vectors_added"] > 0
    assert not upkeep.wanted(services)
    assert state(services, "base").complete == 2


def test_many_windows_get_their_graph_once_nobody_loads_more(services, monkeypatch):
    """After an interrupted load, or many small ones. Without a graph the version cannot serve."""
    serving = services.replica.current().vectors_id
    monkeypatch.setattr(graphs, "GRAPH_FROM", 2)
    with services.pool.connection() as conn:
        assert graphs.lacks_graph(conn, serving)
    assert not upkeep.wanted(services)  # documents came in just now
    monkeypatch.setattr(upkeep, "LOAD_PAUSE", timedelta(0))
    assert upkeep.wanted(services)
    assert upkeep.run(services)["graphs_built"] == [serving]
    with services.pool.connection() as conn:
        assert graphs.hnsw_is_valid(conn, serving)
    assert not upkeep.wanted(services)


def hold_out(services):
    """A few questions on the documents that nothing was trained on."""
    texts = made.passages(12)
    seed = SeedFile(
        {f"q{n}": " ".join(text.split()[:6]) for n, text in enumerate(texts)},
        {f"p{n}": text for n, text in enumerate(texts)},
        {f"q{n}": [f"p{n}"] for n in range(12)},
    )
    handle = services.replica.current()
    from_file.import_file(services.pool, handle, seed, "asked", split="heldout")
    with services.pool.connection() as conn:
        conn.execute("update pair set status = 'accepted'")


def test_a_version_that_is_better_serves_by_itself(services):
    """By the newest evaluation on the present held-out questions. The audit says so."""
    hold_out(services)
    sha256 = evaluating.dataset(services, evaluating.CORPUS).sha256
    evaluate(services, outcome="better", sha256=sha256)
    done = retrain.promote_if_better(services, "v1", who="eve")
    assert (done.promoted, done.epoch, done.reason) == (True, 2, "It is better.")
    assert services.replica.refresh().model_name == "v1"
    with services.pool.connection() as conn:
        (said,) = active.audits(conn)
    assert (said.action, said.who, said.detail["auto"]) == ("promote", "eve", True)
    again = retrain.promote_if_better(services, "v1", who="eve")
    assert (again.promoted, again.reason) == (False, "It serves already.")


@pytest.mark.parametrize("outcome", ["no proof yet", "worse"])
def test_a_version_that_is_not_better_does_not(services, outcome):
    """Not being worse is not enough. The audit records the check."""
    hold_out(services)
    sha256 = evaluating.dataset(services, evaluating.CORPUS).sha256
    evaluate(services, outcome=outcome, sha256=sha256)
    done = retrain.promote_if_better(services, "v1", who="eve")
    assert not done.promoted
    assert outcome in done.reason
    assert state(services, "v1").state == "not built"
    with services.pool.connection() as conn:
        (said,) = active.audits(conn)
    assert (said.action, said.detail["version"]) == ("not promoted", "v1")


def test_what_was_not_evaluated_on_these_questions_is_evaluated_first(services):
    hold_out(services)
    evaluate(services, outcome="better")  # on other questions
    told = []
    done = retrain.promote_if_better(services, "v1", who="eve", task=Task(told.append))
    assert not done.promoted
    assert "12 questions; at least 20" in done.reason
    assert any(progress.stage.startswith("v1: ") for progress in told)


def test_an_evaluation_is_seen_with_its_report_or_not_at_all(services, tmp_path):
    """Pages link to the files as soon as they see the row: where these cannot be written, no row."""
    hold_out(services)
    chosen = evaluating.dataset(services, evaluating.CORPUS)
    report = evaluating.evaluate(services, chosen, ["base"])
    (tmp_path / "full").write_text("no folder")
    with pytest.raises(OSError):
        evaluating.keep(services, report, chosen, out=tmp_path / "full")
    with services.pool.connection() as conn:
        assert evaluations.list_all(conn, limit=9) == []
    _, files = evaluating.keep(services, report, chosen)
    assert all(path.is_file() for path in files)


def test_the_version_that_serves_is_built_again_with_codes(dsn, tiny_model, tmp_path):
    """
    A library from before has none: it serves on while its version is built again, and takes over
    only then. The check of the installation says how, and what they take.
    """
    given = {"home": tmp_path, "DATABASE_URL": dsn, "base_model": str(tiny_model)}

    def said(services):
        (check,) = [c for c in doctor.examine_services(services) if c.name == "late interaction"]
        return check.state, check.detail

    with open_services(Settings(**given, late_interaction="off")) as services:
        with services.pool.connection() as conn:
            add_document(conn, services.replica.current(), "one", made.passages(12))
        assert said(services) == (
            "ok",
            "off by ATTUNE_LATE_INTERACTION, base has no codes of tokens",
        )
    with open_services(Settings(**given)) as services:
        warned, advice = said(services)
        assert warned == "warning"
        assert "attune models build base --again && attune models promote base" in advice
        with pytest.raises(ConflictError, match="serves already"):
            retrain.promote(services, "base", who="eve")
        built = retrain.build(services, "base", again=True)
        assert built.coded
        assert retrain.build(services, "base").index_id == built.index_id
        assert state(services, "base").state == "serving"
        assert not services.replica.current().coded
        after = retrain.promote(services, "base", who="eve")
        assert (after.index_id, after.epoch) == (built.index_id, 2)
        assert services.replica.refresh().coded
        state_now, detail = said(services)
        assert state_now == "ok"
        assert "base has codes of the tokens of 12 windows" in detail
        assert versions.roll_back(services, who="eve", reason="slower").epoch == 3
        assert not services.replica.refresh().coded
        assert state(services, "base").state == "serving"
