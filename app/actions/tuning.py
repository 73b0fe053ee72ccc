"""
What a person does to make a better version: pairs, a run, an evaluation, and letting it serve by
itself when it is better. Commands and jobs call the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.actions import methods, versions
from app.services import Services, llm_options
from pipelines.embedder import registry
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.store import active, evaluations, indexes, models, pairs
from pipelines.store.db import Connection
from pipelines.store.ids import EvaluationId, RunId
from pipelines.store.models import Model
from pipelines.store.pairs import Passage
from training import run
from training.evaluation import stored_dataset
from training.evaluation.candidates import Surroundings, check_name, identity, resolve
from training.evaluation.dataset import Dataset, of_file
from training.evaluation.evaluate import evaluate as compare
from training.evaluation.evaluate import forget
from training.evaluation.figures import report as reports
from training.evaluation.figures.comparison import Report
from training.evaluation.rankings import Rules
from training.finetune.options import TrainOptions
from training.pairs import asking, collect, stored
from training.pairs.collect import Summary
from training.pairs.offline import PER_PASSAGE, OfflineGenerator
from training.run import Folders

if TYPE_CHECKING:
    from training.finetune.preflight import Preflight

# Calls of a language model at a time.
AT_ONCE = 4
CORPUS = "corpus"


def options(services: Services, **chosen: Any) -> TrainOptions:
    """
    Settings of a run: what was chosen, with the windows that new versions are built with.

    :raises InputError: They do not fit together.
    """
    settings = services.settings
    return TrainOptions(
        size_tokens=settings.window_tokens, stride_tokens=settings.window_stride, **chosen
    )


def probe(
    services: Services,
    base: str,
    chosen: TrainOptions,
    *,
    generators: Sequence[str] | None = None,
    task: Task = NO_TASK,
) -> Preflight:
    """
    What training on the stored pairs would take on this machine; nothing is kept.

    :param generators: Train only on what these made; None: on all.
    """
    with services.pool.connection() as conn:
        found = stored.material(conn, generators=generators, seed=chosen.seed)
        model, folder = run.base_model(conn, base, services.options.models)
    from training.finetune import preflight  # which loads torch; a worker does when a job needs it

    with_what = methods.machine(services)
    report, speed = preflight.probe(folder, found, chosen, with_what, task)
    if not chosen.freeze_layers:  # else it is not what runs take in general
        methods.keep(services, model, with_what, speed)
    return report


def create_run(
    services: Services,
    base: str,
    chosen: TrainOptions,
    *,
    generators: Sequence[str] | None = None,
    name: str = "",
    by: str = "system",
) -> RunId:
    """
    A new run on the stored pairs, ready to be executed; see `training.run.create`.

    :param generators: Train only on what these made; None: on all.
    """
    with services.pool.connection() as conn:
        found = stored.material(conn, generators=generators, seed=chosen.seed)
    folders = Folders.under(services.settings.home)
    return run.create(services.pool, folders, base, found, chosen, name=name, created_by=by)


def train(
    services: Services,
    run_id: RunId,
    task: Task = NO_TASK,
    *,
    processes: int = 1,
) -> Model:
    """Execute a run, or go on with it; the model. See `training.run.execute`."""
    folders = Folders.under(services.settings.home)
    with_what = methods.machine(services, processes)
    model = run.execute(services.pool, folders, run_id, with_what, task)
    versions.share(services, model)
    return model


def generator_name(services: Services, source: str) -> str:
    """
    How the store calls a source of pairs: ``offline``, ``llm`` or ``feedback``.

    :raises InputError: There is no such source, or no language model is configured.
    """
    if source == "offline":
        return OfflineGenerator.name
    if source == "feedback":
        return "feedback"
    if source != "llm":
        raise InputError(f"{source!r} makes no pairs: offline, llm or feedback is expected.")
    llm = llm_options(services.settings)
    if llm is None:
        raise InputError(
            "No language model is configured: set OPENAI_API_KEY or OPENAI_BASE_URL, or make"
            " pairs offline."
        )
    return collect.asked_name(llm)


def forget_pairs(conn: Connection, services: Services, source: str) -> None:
    """Remove a source's pairs that nobody has reviewed, so that it looks at all passages anew."""
    pairs.delete(conn, generator=generator_name(services, source))


def generate(
    services: Services,
    source: str,
    *,
    per_passage: int | None = None,
    limit: int = collect.MOST_PASSAGES,
    without: Sequence[str] = (),
    by: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """
    Pairs of passages that the source has not seen, `limit` at most.

    :param source: See `generator_name`.
    :param per_passage: Questions for each; None: as many as suit the source.
    :param without: Collections to leave out.
    """
    name = generator_name(services, source)
    handle = services.replica.refresh()
    if source == "feedback":
        return collect.collect_liked(services.pool, handle, created_by=by)
    with services.pool.connection() as conn:
        passages = collect.waiting(conn, name, limit, without=without)
    count = per_passage or (asking.QUESTIONS if source == "llm" else PER_PASSAGE)
    task.tell(Progress("asking", 0, len(passages)))
    return make_pairs(services, source, passages, count, by=by, task=task)


def make_pairs(
    services: Services,
    source: str,
    passages: Sequence[Passage],
    count: int,
    *,
    at_once: int = AT_ONCE,
    by: str = "system",
    task: Task = NO_TASK,
) -> Summary:
    """Pairs of these passages, `count` questions for each. `at_once`: calls of a model at a time."""
    handle = services.replica.current()
    if source == "offline":
        return collect.generate_offline(
            services.pool,
            handle,
            passages,
            per_passage=count,
            created_by=by,
            task=task,
        )
    llm = llm_options(services.settings)
    assert llm is not None, "the name of the generator asks for one"
    return asyncio.run(
        collect.generate_asked(
            services.pool,
            handle,
            passages,
            llm,
            per_passage=count,
            at_once=at_once,
            created_by=by,
            task=task,
        )
    )


def dataset(services: Services, name: str) -> Dataset:
    """
    Questions to judge on: ``corpus`` for the held-out pairs, or a file.

    :raises InputError: There are none, or the file cannot be used.
    """
    if name != CORPUS:
        return of_file(Path(name))
    with services.pool.connection() as conn:
        return stored_dataset.dataset(conn)


def check_names(services: Services, names: Sequence[str]) -> None:
    """
    Refuse names that `evaluate` could not be given, before anything is computed.

    :raises InputError: One of them is neither a version, a folder, nor a model elsewhere.
    """
    with services.pool.connection() as conn:
        for name in names:
            check_name(conn, name)


def evaluate(
    services: Services,
    chosen: Dataset,
    names: Sequence[str],
    *,
    beside: Mapping[str, tuple[str, float]] | None = None,
    task: Task = NO_TASK,
) -> Report:
    """
    Compare models on a dataset; the first is the reference. The report is not stored: see `keep`.
    One that was cut off goes on where it was.
    """
    settings = services.settings
    around = Surroundings(
        Rules(settings.window_tokens, settings.window_stride, settings.lexical_weight),
        services.options,
        Folders.under(settings.home),
    )
    with services.pool.connection() as conn:
        candidates = [resolve(conn, name, around) for name in names]
    return compare(
        services.dsn,
        chosen,
        candidates,
        beside=beside,
        kept=_unfinished(services),
        task=task,
    )


def _unfinished(services: Services) -> Path:
    """Where evaluations that were cut off find what they had done."""
    return services.settings.home / "evaluations" / "unfinished"


def keep(
    services: Services,
    report: Report,
    chosen: Dataset,
    *,
    by: str = "system",
    out: Path | None = None,
    also: Callable[[Connection, EvaluationId], object] = lambda conn, evaluation_id: None,
) -> tuple[EvaluationId, tuple[Path, Path]]:
    """
    Store an evaluation and write its report; its id, and the paths of the report. The files are
    there before anybody can see the evaluation.

    :param also: Called in the same transaction.
    """
    with services.pool.connection() as conn, conn.transaction():
        evaluation_id = reports.store(conn, report, created_by=by)
        also(conn, evaluation_id)
        folder = out or services.settings.home / "evaluations" / str(evaluation_id)
        written = reports.write(folder, report, chosen)
    forget(_unfinished(services), report)
    return evaluation_id, written


@dataclass(frozen=True)
class Automatic:
    """What came of letting a version serve by itself."""

    version: str
    promoted: bool
    reason: str
    epoch: int | None
    evaluation: EvaluationId | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))


def promote_if_better(
    services: Services,
    name: str,
    *,
    who: str,
    on_compared: Callable[[EvaluationId], object] = lambda _: None,
    task: Task = NO_TASK,
) -> Automatic:
    """
    Evaluate a version against the one that serves, on the held-out pairs, build it, and let it
    serve if it is better: no worse is not enough. What was decided is kept in the audit.

    An evaluation of the same two on the same questions is not made twice.

    :param on_compared: Called when the figures are there, before anything else is done.
    """
    with services.pool.connection() as conn:
        model = registry.find(conn, name)
        pointer = active.get(conn)
        assert pointer is not None, "a version serves from the first start on"
        index = indexes.get(conn, pointer.index_id)
        serving = None if index is None else models.get(conn, index.model_id)
        assert serving is not None, "what serves cannot be deleted"
    if serving.id == model.id:
        return Automatic(name, False, "It serves already.", pointer.epoch, None)
    chosen = dataset(services, CORPUS)
    with services.pool.connection() as conn:
        found = evaluations.latest_of(conn, identity(model), identity(serving))
    if found is None or found.dataset_sha256 != chosen.sha256:
        names = [serving.name, name]
        report = evaluate(services, chosen, names, task=task)
        keep(services, report, chosen, by=who)
        with services.pool.connection() as conn:
            found = evaluations.latest_of(conn, identity(model), identity(serving))
    assert found is not None, "it was just stored"
    on_compared(found.id)
    with services.pool.connection() as conn:
        verdict = versions.verdict(conn, model, serving)
    if not verdict.better:
        detail = {"version": name, "gate": verdict.reason, "evaluation": found.id, "auto": True}
        with services.pool.connection() as conn:
            active.add_audit(conn, who, "not promoted", detail)
        return Automatic(name, False, verdict.reason, None, found.id)
    after = versions.promote(services, name, who=who, task=task, detail={"auto": True})
    return Automatic(name, True, verdict.reason, after.epoch, found.id)
