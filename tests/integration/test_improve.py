"""Improving the search in one go, on a tiny model: what comes of it, and what is not done twice."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import queue
from app.actions import evaluating, fine_tuning, methods, retrain
from app.actions.improve import action, plan, schedule
from app.actions.pairs import generating
from app.services import open_services
from app.settings import Settings
from app.worker import upkeep
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import BusyError, InputError
from pipelines.progress import NO_TASK, Progress, Stopped, Task
from pipelines.store import active, evaluations, improvements, models, pairs, runs
from pipelines.versions import proof as proving
from tests.corpus import add_document, prose
from training import run
from training.evaluation.candidates import identity


def fill(services, documents=10, passages=5):
    """Documents of the person's own."""
    draw = random.Random(0)
    with services.pool.connection() as conn:
        handle = services.replica.current()
        for number in range(documents):
            add_document(conn, handle, f"d{number}", [prose(draw) for _ in range(passages)])


@contextmanager
def opened(dsn, tiny_model, home, **chosen):
    given = {
        "home": home, "DATABASE_URL": dsn, "base_model": str(tiny_model), "device": "cpu",
        "window_tokens": 64, "window_stride": 48, "threads": 1,
    }  # fmt: skip
    with open_services(Settings(**given, **chosen)) as services:
        yield services


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    with opened(dsn, tiny_model, tmp_path) as found:
        yield found


@pytest.fixture
def by_vectors(dsn, tiny_model, tmp_path):
    """Searches by vectors alone, so that training has something to gain."""
    with opened(dsn, tiny_model, tmp_path, lexical_weight=0.0) as found:
        yield found


@pytest.fixture
def trained(services, larger_model, monkeypatch):
    """Training takes no time: a run makes a version of other random weights. Counts the runs."""
    done = []

    def execute(pool, folders, run_id, machine, task):
        with pool.connection() as conn:
            row = runs.get(conn, run_id)
            if row.model_id is not None:
                return models.get(conn, row.model_id)
        done.append(run_id)
        folder = folders.run(run_id)
        shutil.copytree(larger_model, folder.model)
        folder.result.write_text(json.dumps({"dimension": 48, "steps": 1}))
        return run._model(pool, run._register(pool, folders, run_id))

    monkeypatch.setattr(run, "execute", execute)
    return done


REPORTS = {}


@pytest.fixture
def judged(monkeypatch):
    """
    The comparison's outcome as a test sets it, with a count of the comparisons.

    All tests compare the same two models on the same questions, so one comparison is done for all.
    """
    done = []
    real = evaluating.evaluate

    def evaluate(services, chosen, names, to_build="", task=NO_TASK):
        for step in ("loading", "indexing", "figures"):
            task.tell(Progress(f"{names[0]}: {step}"))
            task.check()
        key = (chosen.sha256, *names)
        if key not in REPORTS:
            REPORTS[key] = real(services, chosen, names)
        done.append(names)
        report = REPORTS[key]
        (verdict,) = report.verdicts
        with services.pool.connection() as conn:
            candidate = identity(models.by_name(conn, names[1]))  # its card names its run
        return replace(
            report,
            verdicts=(replace(verdict, outcome=judged_as[0]),),
            models=(report.models[0], replace(report.models[1], identity=candidate)),
        )

    judged_as = ["no proof yet"]
    monkeypatch.setattr(evaluating, "evaluate", evaluate)
    return judged_as, done


def audited(services):
    with services.pool.connection() as conn:
        return [(a.action, a.detail.get("outcome")) for a in active.audits(conn)]


def serving(services):
    return services.replica.refresh().model_name


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
        "step 1 of 4, making pairs", "step 2 of 4, training",
        "step 3 of 4, comparing", "step 4 of 4, promoting",
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
    """Stopped while pairs are made, before training, and while it compares: no stage is done twice."""
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
        action.run(services, who="eve", **stopping_at("training", 0))
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
    assert [step.means for step in left.steps[:2]] == [
        f"Done: {one.pairs['made']} pairs.",
        "Done: v1.",
    ]
    assert left.seconds == sum(step.seconds for step in left.steps[2:])
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
    """What was cut off days ago is not gone on with either: too much may have changed."""
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


def test_the_method_is_the_one_that_the_estimate_recommends(services):
    """Measured once and the same everywhere: the adapter for few pairs, else the whole encoder."""
    fill(services)
    with_what = methods.machine(services)
    with services.pool.connection() as conn:
        before = methods.known(conn, with_what)
    assert (before.method, before.listed) == ("adapter", ())
    assert "not measured yet" in before.sentence()
    generating.generate(services, "offline")
    measured = methods.choose(services, with_what)
    with services.pool.connection() as conn:
        assert methods.known(conn, with_what) == measured
        base = methods.starting_point(conn)
        estimate = fine_tuning.probe(
            services, base.name, fine_tuning.learned_from(services), fine_tuning.options(services)
        )
        assert estimate.recommended == methods.known(conn, with_what).method == measured.method
    assert measured.method == "full"
    assert "Full (whole encoder)" in measured.sentence()


def test_a_worker_measures_its_machine_once(services, monkeypatch):
    """When people's documents are indexed and no more are arriving. Not again after an attempt."""
    fill(services, 1)
    measure = ("measure", "worker")
    assert measure not in upkeep.due(services)  # documents came in just now
    monkeypatch.setattr(upkeep, "LOAD_PAUSE", timedelta(0))
    assert measure in upkeep.due(services)
    queue.defer(services, "measure", who="worker")
    assert measure not in upkeep.due(services)


def test_what_it_will_do_is_said_before(services):
    fill(services)
    found = plan.make(services, methods.machine(services))
    assert [step.name for step in found.steps] == [
        "Make pairs.", "Train a new version.", "Compare.", "Promote it.",
    ]  # fmt: skip
    assert "50 passages not used yet" in found.steps[0].means
    assert found.seconds > 0
    assert found.sentence.startswith("about ")
    with services.pool.connection() as conn:
        assert improvements.latest(conn) is None


def test_the_schedule_is_due_when_something_came_in(services):
    """Off: never. Weekly: a week after the last one, not when nothing is new. By votes: after so many."""
    fill(services, 1)
    with services.pool.connection() as conn:
        conn.autocommit = True
        now = datetime.now(UTC)
        assert not schedule.state(conn).due
        schedule.change(conn, "weekly", 0, who="eve")
        assert not schedule.state(conn, now + timedelta(days=6)).due
        assert schedule.state(conn, now + timedelta(days=8)).due
        assert "Due on" in schedule.state(conn).sentence
        one = improvements.add(conn, who="eve", before="base")
        improvements.end(conn, one.id, "nothing", "There is too little.")
        found = schedule.state(conn, now + timedelta(days=8))
        assert (found.due, found.last.sentence) == (False, "There is too little.")
        assert found.sentence == "Due as soon as something new comes in."
        add_document(conn, services.replica.current(), "new", ["words " * 50])
        assert schedule.state(conn, now + timedelta(days=8)).due
        schedule.change(conn, "votes", 2, who="eve")
        vote(conn, "ann")
        found = schedule.state(conn)
        assert (found.due, found.sentence) == (False, "Due after 2 new votes; 1 came in so far.")
        vote(conn, "bob")
        assert schedule.is_due(conn)
        assert ("improve", schedule.WHO) in upkeep.due(services)
        queue.defer_in(conn, "improve", who=schedule.WHO)
        assert not schedule.is_due(conn)  # one waits already
    assert [name for name, _ in audited(services)].count("set schedule") == 2


def vote(conn, visitor):
    conn.execute(
        "with c as (insert into conversation (visitor, title) values (%s, 't') returning id),"
        " m as (insert into message (conversation_id, role, text) select id, 'assistant', 'x'"
        " from c returning id)"
        " insert into feedback (message_id, visitor, verdict) select id, %s, 'like' from m",
        (visitor, visitor),
    )


@pytest.mark.parametrize("text", ["daily", "votes", "votes:0", "votes:x", "weekly:2", ""])
def test_a_schedule_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="off, weekly, votes:NUMBER"):
        schedule.parse(text)


@pytest.fixture
def attune(dsn, tiny_model, tmp_path, monkeypatch, run_command):
    """
    Runs a command in this process on the test's database.

    :returns: Exit code, stdout and stderr.
    """
    given = {
        "DATABASE_URL": dsn, "ATTUNE_HOME": str(tmp_path), "ATTUNE_BASE_MODEL": str(tiny_model),
        "ATTUNE_DEVICE": "cpu", "ATTUNE_THREADS": "1",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    return run_command


def test_the_command_says_what_came_of_it(services, trained, judged, attune):
    """
    With too little data the exit code is 4. Else it prints the plan, then the result, alone with
    --json.
    """
    code, out, _ = attune("improve")
    assert (code, out.split(":")[0]) == (4, "Nothing to learn from yet")
    fill(services)
    code, out, err = attune("improve", "--dry-run")
    assert code == 0
    assert "3. Compare." in out
    assert "All together about" in out
    assert trained == []
    code, out, err = attune("improve", "--json")
    told = json.loads(out)
    assert (code, told["outcome"], told["version"]) == (0, "kept", "v1")
    assert "1. Make pairs." in err
    assert "step 3 of 4, comparing" in err
    assert attune("improve", "--queue")[1].startswith("Job ")
    assert attune("improve", "--queue")[0] == 3


def test_the_command_sets_the_schedule(attune):
    code, out, _ = attune("improve", "--schedule", "votes:20")
    assert (code, out) == (0, "Due after 20 new votes; 0 came in so far.\n")
    assert attune("improve", "--schedule", "hourly")[0] == 2
    assert "votes:20" in attune("improve", "--dry-run")[1]
    assert attune("improve", "--schedule", "off")[0] == 0
