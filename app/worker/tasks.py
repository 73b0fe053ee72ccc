"""
The tasks that a worker runs, each one call down. How they are run is in `app/worker/job_context`.

Every one can be run again after it was cut off anywhere: what is done is found done.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from app import queue
from app.actions import evaluating, fine_tuning, methods, retrain
from app.actions.improve import action, schedule
from app.actions.ingest import open_ingester
from app.actions.pairs import generating, importing
from app.actions.sources import reading, registry
from app.actions.sources.report import Wish
from app.worker import job_context, upkeep
from app.worker.job_context import Work, task
from pipelines.indexing import queued, rounds
from pipelines.store import freezes, job_progress
from pipelines.store.ids import DocumentId, RunId, SourceId
from pipelines.store.pairs import Split
from training.finetune.options import TrainOptions
from training.pairs import collect

app = job_context.app


@task
def ingest(work: Work, *, document_ids: list[int], who: str = "system") -> dict[str, Any]:
    """Index documents that stand as queued."""
    ids = [DocumentId(document_id) for document_id in document_ids]
    with work.services.pool.connection() as conn:
        alone = freezes.any_of(conn, work.hold.job_id)

    with open_ingester(work.services, task=work.task) as ingester:
        outcomes = queued.index(work.services.pool, ingester, ids, alone=alone)
    with work.services.pool.connection() as conn, conn.transaction():
        # Long scans go on in a job of their own, behind what has been queued meanwhile.
        if rest := rounds.put_rest(conn, outcomes):
            queue.defer_in(conn, "ingest", who=who, document_ids=rest)
    count = Counter(outcome.status for outcome in outcomes)
    return {
        "indexed": count["indexed"],
        "duplicates": count["duplicate"],
        "unchanged": count["unchanged"],
        "failed": [
            {"source": outcome.source, "reason": outcome.reason}
            for outcome in outcomes
            if outcome.status == "failed"
        ],
    }


@task
def generate(
    work: Work,
    *,
    source: str = "offline",
    per_passage: int | None = None,
    limit: int = collect.MOST_PASSAGES,
    again: bool = False,
    who: str = "system",
) -> dict[str, Any]:
    """Make pairs from the documents."""
    if again and not work.before.stage:
        with work.services.pool.connection() as conn, conn.transaction():
            generating.forget_pairs(conn, work.services, source)
            job_progress.note(conn, work.hold, "starting over")
    summary = generating.generate(
        work.services,
        source,
        per_passage=per_passage,
        # An attempt before has done its part.
        limit=max(1, limit - work.before.done),
        who=who,
        task=work.task,
    )
    return summary.as_json()


@task
def import_pairs(
    work: Work,
    *,
    file: int,
    name: str,
    split: Split | None = None,
    who: str = "system",
    **told: Any,
) -> dict[str, Any]:
    """
    Import a file of pairs.

    :param told: Further arguments of the job, which people see.
    """
    summary = importing.take(
        work.services,
        work.hold,
        file,
        name,
        split,
        who=who,
        task=work.task,
    )
    return summary.as_json()


@task
def probe(
    work: Work,
    *,
    base: str,
    options: dict[str, Any],
    generators: list[str] | None = None,
    who: str = "system",
) -> dict[str, Any]:
    """Measure what a training run would take on this machine."""
    chosen = TrainOptions.from_json(options)
    found = fine_tuning.learned_from(work.services, generators=generators, seed=chosen.seed)
    return fine_tuning.probe(work.services, base, found, chosen, work.task).as_json()


@task
def train(
    work: Work, *, run_id: int, auto: bool = False, processes: int = 1, who: str = "system"
) -> dict[str, Any]:
    """
    Execute a training run, or continue it.

    :param auto: Whether to promote its version if it is better.
    """
    model = fine_tuning.train(work.services, RunId(run_id), work.task, processes=processes)
    result: dict[str, Any] = {"run": run_id, "version": model.name, "metrics": model.metrics}
    if auto:
        done = retrain.promote_if_better(work.services, model.name, who=who, task=work.task)
        result["promotion"] = done.as_json()
    return result


@task
def evaluate(
    work: Work,
    *,
    models: list[str],
    dataset: str = evaluating.CORPUS,
    whole: bool = False,
    who: str = "system",
) -> dict[str, Any]:
    """Compare models on held-out questions. The first one is the reference."""
    chosen = evaluating.dataset(work.services, dataset)
    report = evaluating.evaluate(work.services, chosen, models, whole=whole, task=work.task)

    def result(evaluation_id: int) -> dict[str, Any]:
        return {"evaluation": evaluation_id, "verdict": report.verdict}

    evaluation_id, _ = evaluating.keep(
        work.services,
        report,
        chosen,
        who=who,
        also=lambda conn, new: job_progress.set_result(conn, work.hold, result(new)),
    )
    return result(evaluation_id)


@task
def build(work: Work, *, name: str, who: str = "system", again: bool = False) -> dict[str, Any]:
    """Make a version's vectors of all documents."""
    handle = retrain.build(work.services, name, work.task, again=again)
    return {"version": name, "index": handle.index_id}


@task
def promote(
    work: Work,
    *,
    name: str,
    override: str | None = None,
    auto: bool = False,
    who: str = "system",
) -> dict[str, Any]:
    """
    Let a version serve.

    :param auto: Whether it must be better.
    """
    if auto:
        return retrain.promote_if_better(work.services, name, who=who, task=work.task).as_json()
    handle = work.services.replica.refresh()
    if handle.model_name == name and work.before.stage:
        return {"version": name, "epoch": handle.epoch}  # an attempt before has done it
    after = retrain.promote(work.services, name, who=who, override=override, task=work.task)
    return {"version": name, "epoch": after.epoch}


@task
def improve(work: Work, *, who: str = "system") -> dict[str, Any]:
    """Make pairs, train, compare, and promote what is better, or continue such an improvement."""
    with work.services.pool.connection() as conn:
        if who == schedule.WHO and not action.is_unfinished(conn) and not schedule.state(conn).due:
            return {"outcome": "nothing", "sentence": "Nothing new came in meanwhile."}
    done = action.run(work.services, who=who, task=work.task)
    return action.as_json(done)


@task
def measure(work: Work, *, who: str = "system") -> dict[str, Any]:
    """Measure how fast this machine trains, once, so that estimates are there when asked for."""
    with_what = methods.machine(work.services)
    choice = methods.choose(work.services, with_what, task=work.task)
    return {"recommended": choice.method, "reason": choice.reason}


@task
def sync(
    work: Work,
    *,
    source_id: int,
    confirmed: bool = False,
    dry_run: bool = False,
    who: str = "system",
    **told: Any,
) -> dict[str, Any]:
    """
    Read a source, and let the index follow it.

    :param confirmed: Delete however many files are gone.
    :param dry_run: Only say what would change.
    :param told: Further arguments of the job, which people see.
    """
    with work.services.pool.connection() as conn:
        source = registry.get(conn, SourceId(source_id))
    wish = Wish(confirmed=confirmed, dry_run=dry_run)
    report = reading.read(work.services, source, wish, who=who, task=work.task)
    return {"source": source.address, "sentence": report.sentence, **report.counts} | (
        {"lines": [line.as_json() for line in report.lines]} if dry_run else {}
    )


@task
def cleanup(work: Work, *, who: str = "system") -> dict[str, Any]:
    """Keep the previous version complete, drop what nothing uses, forget jobs that ended long ago."""
    return upkeep.run(work.services, work.task)
