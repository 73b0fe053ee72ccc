"""
Improve the search, in one go: pairs from documents not yet looked at, a look at what there is to
gain, a run on the pairs, a comparison with the version that serves, and a promotion if the new one
is better.

What is done is kept (`pipelines.store.improvements`): if it is interrupted anywhere, the next call
continues with what is left. There is one at a time, on all machines together.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from app.actions import evaluating, fine_tuning, methods, retrain
from app.actions.improve import plan, sentences
from app.actions.improve.bar import Bar
from app.actions.methods import MethodChoice
from app.actions.pairs import generating
from app.actions.retrain import Promotion
from app.services import Services
from pipelines.errors import AttuneError, BusyError
from pipelines.progress import NO_TASK, Progress, Stopped, Task
from pipelines.store import active, improvements, pairs, runs, stored_files
from pipelines.store.db import Connection
from pipelines.store.ids import EvaluationId, RunId
from pipelines.store.improvements import Improvement, Outcome
from pipelines.store.models import Model
from pipelines.store.runs import Run
from pipelines.store.scope import HANDBOOK
from training.evaluation.figures.comparison import system_name
from training.evaluation.gate import FEWEST_QUESTIONS, FEWEST_TO_GAIN
from training.finetune.launch import Machine
from training.pairs import stored
from training.pairs.material import FEWEST_PAIRS, Material

# One that was cut off longer ago than this is not gone on with: too much may have changed.
STALE = timedelta(days=1)


def run(services: Services, *, who: str, task: Task = NO_TASK) -> Improvement:
    """
    Improve the search, or continue an improvement that was interrupted.

    :returns: What came of it.
    :raises BusyError: Another process improves the search.
    :raises Stopped: The task was asked to stop. The next call continues from there.
    """
    with improvements.alone(services.pool):
        one = _begin(services, who)
        try:
            return _stages(services, one, task)
        except (Stopped, BusyError, psycopg.OperationalError, psycopg.InterfaceError):
            raise  # the next call goes on from here
        except Exception as error:
            reason = str(error) if isinstance(error, AttuneError) else type(error).__name__
            _end(services, one, "failed", sentences.failed(reason))
            raise


def is_unfinished(conn: Connection) -> bool:
    """Whether one was cut off, or runs."""
    return improvements.unfinished(conn) is not None


def as_json(one: Improvement) -> dict[str, Any]:
    """What came of it, as plain values."""
    return {
        "improvement": one.id,
        "outcome": one.outcome,
        "sentence": one.sentence,
        "before": one.before,
        "version": one.version,
        "pairs": one.pairs,
        "run": one.run_id,
        "evaluation": one.evaluation_id,
    }


def _stages(services: Services, one: Improvement, task: Task) -> Improvement:
    with_what = methods.machine(services)
    bar = Bar(task, plan.expected(services, with_what))
    if one.pairs is None:
        one = _make_pairs(services, one, bar)
    if lacking := _lacking(services):
        return _end(services, one, "nothing", lacking)
    if one.run_id is None or not _can_go_on(services, one.run_id):
        one = _choose_run(services, one, with_what, bar)
    if one.ended_at is not None:
        return one
    assert one.run_id is not None
    model = fine_tuning.train(services, one.run_id, bar.stage("train"))
    one = _note(services, one, version=model.name)
    done = retrain.promote_if_better(
        services,
        model.name,
        who=one.who,
        on_compared=lambda evaluation_id: _note(services, one, evaluation_id=evaluation_id),
        task=bar.compare_and_promote(),
    )
    return _conclude(services, one, done)


def _begin(services: Services, who: str) -> Improvement:
    """The attempt to continue, or a new one."""
    with services.pool.connection() as conn, conn.transaction():
        one = improvements.unfinished(conn)
        if one is not None and datetime.now(UTC) - one.created_at < STALE:
            return one
        if one is not None:
            improvements.end(conn, one.id, "stopped", sentences.STOPPED)
        return improvements.add(conn, who=who, before=active.serving(conn).model.name)


def _make_pairs(services: Services, one: Improvement, bar: Bar) -> Improvement:
    """
    Make pairs of the passages that were not looked at. Pairs of liked answers, and what was marked
    as wrong, wait for review.
    """
    task = bar.stage("pairs")
    task.tell(Progress("asking"))
    with services.pool.connection() as conn:
        there, waiting = plan.passages(conn)
    made, began = 0, time.monotonic()
    if waiting:
        summary = generating.generate(
            services,
            plan.SOURCE,
            without=[HANDBOOK],
            who=one.who,
            task=task,
        )
        made = summary.accepted
    if there:
        generating.generate(services, "feedback", who=one.who)
    took_s = round(time.monotonic() - began, 1)
    return _note(services, one, pairs={"made": made, "passages": waiting, "seconds": took_s})


def _lacking(services: Services) -> str:
    """Why there is nothing to learn from yet, or nothing if there is."""
    with services.pool.connection() as conn:
        there, _ = plan.passages(conn)
        asked = {pair.question_sha256 for pair in stored.evidence(conn)}
        trained = {pair.passage_sha256 for pair in pairs.usable(conn, "train")}
    if len(asked) >= FEWEST_QUESTIONS and len(trained) >= FEWEST_PAIRS:
        return ""
    return sentences.lacking(there, len(asked), FEWEST_QUESTIONS)


def _can_go_on(services: Services, run_id: RunId) -> bool:
    """Whether a run is done, or its files are on this machine."""
    with services.pool.connection() as conn:
        found = runs.get(conn, run_id)
    if found is None:
        return False
    if found.model_id is not None or services.folders.run(run_id).settings.is_file():
        return True
    with services.pool.connection() as conn:
        return stored_files.size_of(conn, stored_files.run_folder(run_id)) is not None


def _choose_run(services: Services, one: Improvement, with_what: Machine, bar: Bar) -> Improvement:
    """
    Create a run by the recommended method, or take one that was made of the same. It ends here
    where the version that serves leaves too little to gain.
    """
    with services.pool.connection() as conn:
        base = methods.starting_point(conn)
    choice = methods.choose(services, with_what, base=base, task=bar.stage("measure"))
    run_id = _same_run(services, base, choice)
    if run_id is None:
        asked, first = _weigh(services, one.before, bar.stage("weigh"))
        if asked - first < FEWEST_TO_GAIN:
            return _end(services, one, "kept", sentences.enough(one.before, first, asked))
        options = fine_tuning.options(services, method=choice.method)
        found = fine_tuning.learned_from(services, seed=options.seed)
        run_id = fine_tuning.create(services, base.name, found, options, who=one.who)
    return _note(services, one, run_id=run_id)


def _weigh(services: Services, serving: str, task: Task) -> tuple[int, int]:
    """
    How well the version that serves answers the held-out questions. The comparison takes it from
    here.

    :returns: Their number, and that of the questions whose passage it puts first.
    """
    questions = evaluating.dataset(services, evaluating.CORPUS)
    report = evaluating.evaluate(services, questions, [serving], task=task)
    name = system_name(serving, "hybrid")
    first = sum(question.results[name].rank == 1 for question in report.questions)
    return len(report.questions), first


def _same_run(services: Services, base: Model, choice: MethodChoice) -> RunId | None:
    """The newest run, where it was made of all that there is now, in the same way."""
    wanted = fine_tuning.options(services, method=choice.method).as_json()
    with services.pool.connection() as conn:
        found = next((one for one in runs.list_all(conn) if one.model_id is not None), None)
        if found is None or found.settings.get("base_id") != base.id:
            return None
        same = found.settings.get("options") == _as_stored(wanted)
        if not same or pairs.changed_since(conn, found.created_at):
            return None
        material = stored.material(conn)
    return found.id if _counts(material) == _counts_of(found) else None


def _as_stored(options: Mapping[str, object]) -> dict[str, object]:
    return {n: list(v) if isinstance(v, tuple) else v for n, v in options.items()}


def _counts(material: Material) -> tuple[int, int, int, int]:
    return len(material.train), len(material.heldout), len(material.corpus), material.wrong


def _counts_of(found: Run) -> tuple[object, ...]:
    names = ("pairs", "heldout", "passages", "wrong")
    return tuple(found.settings.get(name, 0) for name in names)


def _conclude(services: Services, one: Improvement, done: Promotion) -> Improvement:
    """The sentence at the end, by what the comparison found."""
    with services.pool.connection() as conn:
        one = improvements.note(conn, one.id, evaluation_id=done.evaluation)
        found = sentences.figures(conn, one.evaluation_id, done.version)
    # Cut off after the switch, the next call finds that it serves.
    cut_off_late = done.evaluation is None and one.evaluation_id is not None
    if done.promoted or cut_off_late:
        return _end(services, one, "promoted", sentences.promoted(done.version, found))
    if done.evaluation is None:
        return _end(services, one, "nothing", sentences.nothing_new(done.version))
    return _end(services, one, "kept", sentences.kept(one.before, done.version, found))


def _note(
    services: Services,
    one: Improvement,
    *,
    pairs: Mapping[str, object] | None = None,
    run_id: RunId | None = None,
    version: str | None = None,
    evaluation_id: EvaluationId | None = None,
) -> Improvement:
    with services.pool.connection() as conn:
        return improvements.note(
            conn, one.id, pairs=pairs, run_id=run_id, version=version, evaluation_id=evaluation_id
        )


def _end(services: Services, one: Improvement, outcome: Outcome, sentence: str) -> Improvement:
    with services.pool.connection() as conn, conn.transaction():
        detail = {"outcome": outcome, "reason": sentence, "version": one.version or one.before}
        active.add_audit(conn, one.who, "improve", detail)
        return improvements.end(conn, one.id, outcome, sentence)
