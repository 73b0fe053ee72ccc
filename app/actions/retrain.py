"""
From pairs to a better version that serves:

    pairs -> run -> evaluate -> gate -> build -> prepare -> prove -> switch

Pairs are made in `generating` and `importing`, runs in `fine_tuning`. From there this file goes on, top to
bottom. A step finds what was done before, so every function can be called again after it was cut
off. `improve` does all of it in one go and remembers where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.actions import evaluating, twins, versions
from app.services import Services
from pipelines.embedder import loading, registry
from pipelines.embedder.batches import Watched
from pipelines.errors import ConflictError
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.search import opening
from pipelines.search.handle import SearchHandle
from pipelines.store import active, evaluations, queue_workers
from pipelines.store.active import Active
from pipelines.store.evaluations import Evaluation
from pipelines.store.ids import EvaluationId
from pipelines.store.models import Model
from pipelines.versions import build as building
from pipelines.versions import switch
from training.evaluation import made
from training.evaluation.candidates import identity


@dataclass(frozen=True)
class Promotion:
    """
    The end of a retraining: whether the version serves now, and why.

    :param epoch: The one it serves since, if it serves.
    :param evaluation: The comparison that decided. None if the version served already.
    """

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
) -> Promotion:
    """
    Compare a version with the one that serves and let it serve if it is better.

    As good is not enough. The audit keeps what was decided.

    :param on_compared: Called when the figures are there, before anything else is done.
    :raises Stopped: The task was asked to stop. The same version as before serves.
    """
    with services.pool.connection() as conn:
        model, before = registry.find(conn, name), active.serving(conn)
    if before.model.id == model.id:
        return Promotion(name, False, "It serves already.", before.epoch, None)
    compared = _evaluate(services, model, before.model, who, task)
    on_compared(compared.id)
    with services.pool.connection() as conn:
        gate = versions.verdict(conn, model, before.model)
        if not gate.better:
            detail = {"version": name, "gate": gate.reason, "evaluation": compared.id, "auto": True}
            active.add_audit(conn, who, "not promoted", detail)
            evaluating.made_of(services, model).unlink(missing_ok=True)
            return Promotion(name, False, gate.reason, None, compared.id)
    after = promote(services, name, who=who, task=task, detail={"auto": True})
    return Promotion(name, True, gate.reason, after.epoch, compared.id)


def _evaluate(services: Services, model: Model, serving: Model, who: str, task: Task) -> Evaluation:
    """The comparison of two versions on the held-out pairs. The same one is not made twice."""
    dataset = evaluating.dataset(services, evaluating.CORPUS)

    def latest() -> Evaluation | None:
        with services.pool.connection() as conn:
            found = evaluations.latest_of(conn, identity(model), identity(serving))
        return found if found is not None and found.dataset_sha256 == dataset.sha256 else None

    if (known := latest()) is not None:
        return known
    names = [serving.name, model.name]
    report = evaluating.evaluate(services, dataset, names, to_build=model.name, task=task)
    evaluating.keep(services, report, dataset, who=who)
    made = latest()
    assert made is not None, "it was just stored"
    return made


def promote(
    services: Services,
    name: str,
    *,
    who: str,
    override: str | None = None,
    task: Task = NO_TASK,
    detail: Mapping[str, Any] | None = None,
) -> Active:
    """
    Let a version serve that the gate allows: build, prepare, prove, switch.

    :param override: Why to promote it although the figures do not allow it.
    :param detail: What the audit keeps in addition to the verdict.
    :raises Stopped: The task was asked to stop. The same version as before serves.
    :raises GateError: Its figures or its proof speak against it.
    :raises ConflictError: Another promotion came first.
    :raises NotReadyError: A replica cannot load it.
    """
    with services.pool.connection() as conn:
        model, before = registry.find(conn, name), active.serving(conn)
        if before.model.id == model.id and not versions.built_again(conn, before):
            raise ConflictError(f"{name} serves already.")
        gate = versions.allowed(conn, model, override)
    handle = build(services, name, task)
    task.tell(Progress("loading everywhere"))
    switch.prepare(services.pool, handle.index_id, task=task)
    task.tell(Progress("proving"))
    kept = {"gate": gate.reason, "overridden": gate.overridden, **(detail or {})}
    # Proves the index on the corpus as it is now, then switches in one transaction.
    after = switch.promote(services.pool, handle, before.epoch, who, detail=kept, task=task)
    versions.wait_followed(services, after.epoch)
    return after


def build(
    services: Services, name: str, task: Task = NO_TASK, *, again: bool = False
) -> SearchHandle:
    """
    Embed all documents with a version, or resume that. Nobody who asks notices.

    :param again: Build a new index of a version that is built, with what new ones get.
    :returns: The version, ready to search.
    :raises InputError: There is no such version.
    :raises Stopped: The task was asked to stop. The next call continues from there.
    """
    with services.pool.connection() as conn:
        model = registry.find(conn, name)
    task.tell(Progress("loading"))
    with services.pool.connection() as conn:
        loading.share(conn, model, services.options)
        model = registry.find(conn, name)
    kept = evaluating.made_of(services, model)
    known = made.known(kept)
    with services.pool.connection() as conn:
        has_worker = bool(queue_workers.live_workers(conn))
    if known is None or not has_worker:  # else few windows are left, and a worker does it later
        twins.before_build(services, model, task)
    encoder = loading.load_model(model, services.options)
    with services.pool.connection() as conn:
        coded = loading.makes_codes(encoder, services.options)
        index_id = building.create(conn, model, encoder.tokenizer, coded=coded, again=again)
        handle = opening.load_index(conn, index_id, services.options)
    quick = handle if known is None else replace(handle, encoder=Watched(encoder, NO_TASK, known))
    building.build(services.pool, quick, task)
    kept.unlink(missing_ok=True)
    return handle
