"""Improving the search in one go, on a tiny model: what comes of it, and what is not done twice."""

from __future__ import annotations

import random
import re

import pytest

from app.actions import evaluating, fine_tuning, methods, retrain
from app.actions.improve import action, plan
from app.actions.pairs import generating
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import BusyError, InputError
from pipelines.progress import Progress, Stopped, Task
from pipelines.store import active, evaluations, improvements, pairs
from pipelines.versions import proof as proving
from tests.corpus import add_document, prose
from tests.improving import audited, fill, serving

pytestmark = pytest.mark.long


def test_a_better_version_is_made_and_serves(by_vectors, judged):
    """
    From documents to the switch: one bar that only grows, and a sentence at the end.

    Pairs, training and switch are real. A tiny model learns too little for a proof, so the
    comparison's outcome is given.
    """
    services = by_vectors
    judged[0][0] = "better"
    fill(services)
    told: list[Progress] = []
    done = action.run(services, who="eve", task=Task(told.append))
    assert done.outcome == "promoted", done.sentence
    assert serving(services) == done.version == "v1"
    assert done.sentence.startswith("Promoted v1: it ")
    percent = [one.done for one in told]
    assert percent == sorted(percent)
    assert percent[-1] >= 90
    stages = list(dict.fromkeys(one.stage for one in told))
    assert stages == [
        "step 1 of 5, making pairs", "step 2 of 5, seeing what there is to gain",
        "step 3 of 5, training", "step 4 of 5, comparing", "step 5 of 5, promoting",
    ]  # fmt: skip
    assert all(one.eta_s is not None for one in told)
    assert ("improve", "promoted") in audited(services)
    with services.pool.connection() as conn:
        evaluation = evaluations.get(conn, done.evaluation_id)
        assert {pair.document for pair in pairs.select(conn)} == {f"d{n}" for n in range(10)}
    assert evaluation.dataset == "corpus"
    # Nothing came in since: nothing is trained, and it says so.
    again = action.run(services, who="eve")
    assert (again.outcome, again.run_id) == ("nothing", done.run_id)
    assert "Nothing new to learn from: v1 serves" in again.sentence


def test_a_version_without_proof_stays_beside(services, trained, judged):
    """Asked again at once, the same run and the same comparison answer."""
    fill(services)
    done = action.run(services, who="eve")
    assert (done.outcome, serving(services)) == ("kept", "base")
    assert "Kept base: no improvement was shown on" in done.sentence
    assert "of 100 with base, and for" in done.sentence
    again = action.run(services, who="eve")
    assert again.sentence == done.sentence
    assert (len(trained), len(judged[1])) == (1, 1)


def test_where_too_little_is_left_to_gain_nothing_is_trained(services, trained, monkeypatch):
    """The sentence counts the held-out questions. Asked again, nothing is embedded again."""
    fill(services)
    monkeypatch.setattr(action, "FEWEST_TO_GAIN", 10_000)
    done = action.run(services, who="eve")
    assert (done.outcome, done.version, done.run_id, trained) == ("kept", None, None, [])
    found = re.search(r"first for (\d+) of (\d+) held-out questions", done.sentence)
    first, asked = map(int, found.groups())
    questions = evaluating.dataset(services, evaluating.CORPUS).queries
    assert 0 < first < asked == len(questions)
    monkeypatch.setattr(LocalEncoder, "encode_documents", None)
    assert action.run(services, who="eve").sentence == done.sentence
    monkeypatch.setattr(action, "FEWEST_TO_GAIN", asked - first)
    with pytest.raises(TypeError):
        action.run(services, who="eve")  # the comparison, with the version that is trained now
    assert len(trained) == 1


@pytest.mark.parametrize(("documents", "said"), [(0, "of your own"), (2, "2 passages; about 60")])
def test_too_little_to_learn_from(services, documents, said):
    fill(services, documents, passages=1)
    done = action.run(services, who="eve")
    assert done.outcome == "nothing"
    assert done.sentence.startswith("Nothing to learn from yet: add documents")
    assert said in done.sentence
    assert (done.run_id, done.version) == (None, None)


def test_the_handbook_alone_is_not_learned(services):
    """It is shipped with the application. Only a person's own documents count."""
    draw = random.Random(1)
    with services.pool.connection() as conn:
        handle = services.replica.current()
        texts = [prose(draw) for _ in range(40)]
        add_document(conn, handle, "Handbook", texts, collection="handbook")
    assert action.run(services, who="eve").outcome == "nothing"
    with services.pool.connection() as conn:
        assert pairs.select(conn) == []


def test_a_build_takes_what_the_comparison_embedded(services, trained, monkeypatch):
    """No window is embedded again, and the index holds what was compared. The file goes then."""
    fill(services)
    generating.generate(services, "offline", who="test")
    with services.pool.connection() as conn:
        base = active.serving(conn).model.name
    found = fine_tuning.learned_from(services)
    options = fine_tuning.options(services, method="full")
    model = fine_tuning.train(services, fine_tuning.create(services, base, found, options))
    questions = evaluating.dataset(services, evaluating.CORPUS)
    evaluating.evaluate(services, questions, [base, model.name], to_build=model.name)
    kept = evaluating.made_of(services, model)
    assert kept.is_file()
    embedded: list[str] = []
    for name in ("encode_documents", "encode_documents_late"):
        real = getattr(LocalEncoder, name)

        def counting(self, texts, real=real):
            embedded.extend(texts)
            return real(self, texts)

        monkeypatch.setattr(LocalEncoder, name, counting)
    handle = retrain.build(services, model.name)
    assert not [text for text in embedded if text]
    assert not kept.exists()
    with services.pool.connection() as conn:
        proof = proving.prove(conn, handle)
    assert proof.passed, proof.failures()
    assert embedded, "the proof embeds a sample itself"


def test_stopped_anywhere_the_next_call_goes_on(services, trained, judged, monkeypatch):
    """Stopped while pairs are made, while it weighs, and while it compares: no stage is done twice."""
    fill(services)
    judged[0][0] = "better"
    asked = []
    real = generating.generate

    def generate(*given, **options):
        asked.append(given[1])
        return real(*given, **options)

    monkeypatch.setattr(generating, "generate", generate)

    def stopping_at(stage, times):
        def tell(told):
            heard.append(told.stage)

        def stop():
            return len([one for one in heard if stage in one]) > times

        heard: list[str] = []
        return {"task": Task(tell, stop)}

    with pytest.raises(Stopped):
        action.run(services, who="eve", **stopping_at("making pairs", 0))
    with services.pool.connection() as conn:
        assert improvements.unfinished(conn).pairs is None
    with pytest.raises(Stopped):
        action.run(services, who="eve", **stopping_at("seeing what", 0))
    with services.pool.connection() as conn:
        one = improvements.unfinished(conn)
    assert one.pairs["made"] > 20
    assert trained == []
    with pytest.raises(Stopped):
        action.run(services, who="eve", **stopping_at("comparing", 2))
    with services.pool.connection() as conn:
        one = improvements.unfinished(conn)
    assert (one.version, len(trained), judged[1]) == ("v1", 1, [])
    left = plan.make(services, methods.machine(services))
    assert [step.means for step in left.steps[:3]] == [
        f"Done: {one.pairs['made']} pairs.",
        "Done.",
        "Done: v1.",
    ]
    assert left.seconds == sum(step.seconds for step in left.steps[3:])
    with pytest.raises(Stopped):
        action.run(services, who="eve", **stopping_at("promoting", 0))
    assert serving(services) == "base"
    done = action.run(services, who="ann")
    assert (done.id, done.who, done.outcome) == (one.id, "eve", "promoted")
    assert asked == ["offline", "offline", "feedback"]
    assert (len(trained), len(judged[1])) == (1, 1)


def test_killed_right_after_the_switch_it_says_promoted(services, trained, judged, monkeypatch):
    fill(services)
    judged[0][0] = "better"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(action, "_conclude", killed)
        with pytest.raises(KeyboardInterrupt):
            action.run(services, who="eve")
    assert serving(services) == "v1"
    done = action.run(services, who="eve")
    assert done.outcome == "promoted"
    assert done.sentence.startswith("Promoted v1")


def test_a_fault_is_told_and_the_next_call_starts_again(services, trained, judged, monkeypatch):
    """An attempt that was cut off days ago is not continued, because too much may have changed."""
    fill(services)

    def full(*_, **__):
        raise InputError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(fine_tuning, "train", full)
        with pytest.raises(InputError):
            action.run(services, who="eve")
    with services.pool.connection() as conn:
        last = improvements.latest(conn)
    assert (last.outcome, last.sentence) == (
        "failed", "The search was not improved: The disk is full.",
    )  # fmt: skip
    with services.pool.connection() as conn:
        old = improvements.add(conn, who="eve", before="base")
        conn.execute("update improvement set created_at = now() - interval '2 days'")
    done = action.run(services, who="eve")
    assert done.outcome == "kept"
    assert done.id != old.id


def test_one_at_a_time_on_all_machines(services):
    with improvements.alone(services.pool), pytest.raises(BusyError, match="Another process"):
        action.run(services, who="eve")


def test_the_next_attempt_may_begin_at_once(services):
    """An attempt that ended has let go of the lock, before the server notices its connection gone."""
    for _ in range(300):
        with improvements.alone(services.pool):
            pass
