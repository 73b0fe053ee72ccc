"""
What a person does with a version of the embedder: build it, have it loaded, let it serve, go back.

Each step takes up where the one before was left, so that any of them can be called again.
"""

from __future__ import annotations

import logging
import time

from app.services import Services
from pipelines.embedder import loading, registry
from pipelines.errors import AttuneError, ConflictError, GateError, InputError, NotReadyError
from pipelines.search import opening
from pipelines.store import active, indexes, models, replicas, shadows
from pipelines.store.active import Active, Audit, Serving
from pipelines.store.db import Connection
from pipelines.store.indexes import SearchIndex
from pipelines.store.models import Model
from pipelines.store.shadows import ShadowReport
from pipelines.versions import switch
from training.evaluation import evidence, gate
from training.evaluation.candidates import identity

# Where a version that no replica runs is proved and switched to: in this process alone.
FOLLOWED_S = 5.0
POLL_S = 0.1

log = logging.getLogger(__name__)


def share(services: Services, model: Model) -> None:
    """Put a new version where other machines find it. If that fails, the build tries again."""
    try:
        with services.pool.connection() as conn:
            loading.share(conn, model, services.options)
    except AttuneError as error:
        log.warning("%s is not shared yet: %s", model.name, error)


def delete(services: Services, name: str, *, who: str) -> None:
    """
    Forget a version: its files, its vectors, its twin.

    :raises ConflictError: It is in use.
    """
    with services.pool.connection() as conn:
        model = registry.delete(conn, name, services.folders.models)
        active.add_audit(conn, who, "delete", {"version": name})
        gone = not models.uses_of(conn, model.manifest_sha256 or "")
    if gone:
        loading.forget_twin(model, services.options)


def prepare(services: Services, name: str) -> int:
    """
    Have every live replica load and verify a version.

    :returns: The number of live replicas.
    :raises NotReadyError: The version is not built, or a replica refused it.
    """
    with services.pool.connection() as conn:
        index = _index(conn, registry.find(conn, name))
    switch.prepare(services.pool, index.id)
    with services.pool.connection() as conn:
        return sum(row.live for row in replicas.list_all(conn))


def shadow(services: Services, name: str, share: float, *, who: str) -> None:
    """
    Let a version answer a share of live questions silently, next to the one that serves.

    :param share: Above 0, every live replica loads the version first and keeps it. With 0 it stops.
    :raises ConflictError: The version serves.
    :raises NotReadyError: It is not built, or a replica refused it.
    """
    if not 0 <= share <= 1:
        raise InputError(f"A share is between 0 and 1, not {share:g}.")
    with services.pool.connection() as conn:
        index = _index(conn, registry.find(conn, name))
        if active.serving(conn).index.id == index.id:
            raise ConflictError(f"{name} serves; only another version can be its shadow.")
    if share:
        switch.prepare(services.pool, index.id, shadow_share=share)
    with services.pool.connection() as conn:
        if not share:
            indexes.want(conn, index.id, False)
        detail = {"version": name, "reason": f"{share:.0%} of questions", "share": share}
        active.add_audit(conn, who, "shadow on" if share else "shadow off", detail)


def shadow_report(conn: Connection, name: str) -> ShadowReport:
    """
    How a version compares with the serving one on the questions that both were asked.

    :raises InputError: There is no such version.
    :raises NotReadyError: It is not built.
    """
    return shadows.report(conn, _index(conn, registry.find(conn, name)).id)


def verdict(
    conn: Connection, model: Model, serving: Model, *, override: str | None = None
) -> gate.Verdict:
    """
    Whether a version should serve, by its comparisons with the one that does: the one answer for
    every command and page.

    :raises GateError: The reason to override is too short.
    """
    return evidence.verdict(conn, identity(model), identity(serving), override=override)


def advised(conn: Connection, *, limit: int) -> list[tuple[Model, gate.Verdict]]:
    """The newest versions that do not serve, each with its verdict, newest first."""
    serving = active.serving(conn).model
    others = [m for m in models.list_all(conn) if m.id != serving.id and m.parent_id is not None]
    newest = sorted(others, key=lambda m: m.id, reverse=True)[:limit]
    return [(model, verdict(conn, model, serving)) for model in newest]


def built_again(conn: Connection, serving: Serving) -> bool:
    """Whether the version that serves has a newer index than the one that serves."""
    newest = indexes.of_model(conn, serving.model.id)
    return newest is not None and newest.id != serving.index.id


def allowed(conn: Connection, model: Model, override: str | None) -> gate.Verdict:
    """
    Whether the figures let a version serve.

    :raises GateError: They do not, and no reason to override that was given.
    """
    before = active.serving(conn)
    serving = before.model
    if serving.id == model.id and built_again(conn, before):
        sentence = "The same model, built again."
        return gate.Verdict(allowed=True, reason=sentence, advice="promote", sentence=sentence)
    found = verdict(conn, model, serving, override=override)
    if not found.allowed:
        raise GateError(
            f"{model.name} is not promoted. {found.sentence} Compare it with attune evaluate"
            f" --dataset corpus --models {serving.name},{model.name}, or give --override REASON."
        )
    return found


def roll_back(services: Services, *, who: str, reason: str = "") -> Active:
    """
    Let the version serve again that did before.

    :raises InputError: There is none.
    """
    with services.pool.connection() as conn:
        before = _with_previous(conn)
        assert before.previous_id is not None
        handle = opening.load_index(conn, before.previous_id, services.options)
    after = switch.roll_back(services.pool, handle, before.epoch, who, reason=reason)
    wait_followed(services, after.epoch)
    return after


def previous(services: Services) -> str:
    """
    The name of the version that `roll_back` would let serve again.

    :raises InputError: There is none.
    """
    with services.pool.connection() as conn:
        before = _with_previous(conn)
        assert before.previous_id is not None
        return registry.of_index(conn, before.previous_id).name


def _with_previous(conn: Connection) -> Active:
    pointer = active.get(conn)
    assert pointer is not None
    if pointer.previous_id is None:
        raise InputError("No version served before this one: there is nothing to go back to.")
    return pointer


def wait_followed(services: Services, epoch: int) -> bool:
    """
    Give live replicas a moment to follow.

    :returns: Whether all did.
    """
    deadline = time.monotonic() + FOLLOWED_S
    while time.monotonic() < deadline:
        with services.pool.connection() as conn:
            if all((row.epoch or 0) >= epoch for row in replicas.list_all(conn) if row.live):
                return True
        time.sleep(POLL_S)
    return False


def left(conn: Connection) -> Audit | None:
    """
    The rollback that made the serving version serve, or None if it was promoted or is the first.
    """
    return next(
        (act if act.action == "rollback" else None for act in active.switches(conn, limit=1)), None
    )


def release(services: Services, name: str) -> None:
    """
    Let servers forget a version that was only prepared.

    :raises NotReadyError: It is not built.
    """
    with services.pool.connection() as conn:
        indexes.want(conn, _index(conn, registry.find(conn, name)).id, False)


def _index(conn: Connection, model: Model) -> SearchIndex:
    index = indexes.of_model(conn, model.id)
    if index is None:
        raise NotReadyError(f"{model.name} is not built yet: attune models build {model.name}")
    return index
