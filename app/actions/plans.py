"""
What a step with a version will do and how long it will take here, before anybody takes it.

Times come from what was measured on this machine: how fast an evaluation embedded with the very
model, or else with another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.actions import versions
from app.actions.counts import Count
from app.actions.version_status import Status
from pipelines.embedder import registry
from pipelines.store import active, evaluations, gaps, indexes, models, replicas
from pipelines.store.db import Connection
from pipelines.store.ids import ModelId
from pipelines.store.models import Model
from pipelines.versions import build as building
from training.evaluation.candidates import identity
from training.evaluation.gate import Verdict

# A server reads the model's files and embeds a probe.
LOAD_S = 8.0
# 32 windows are embedded again, 200 are looked up, and a few questions asked.
PROVE_S = 5.0
SWITCH_S = 1.0


@dataclass(frozen=True)
class Step:
    """One thing that is done, what it means, and how long it takes if that is known."""

    name: str
    means: str
    seconds: float | None


@dataclass(frozen=True)
class PromotionPlan:
    """
    What promoting a version does, step by step.

    :param serving: The version that serves now.
    :param windows: Number of windows without a vector.
    :param measured: The model whose speed was measured, which may be another one. None if none was.
    :param unloaded: Running servers that have not loaded it.
    """

    serving: str
    steps: tuple[Step, ...]
    windows: int
    measured: str | None
    verdict: Verdict
    unloaded: int = 0

    @property
    def seconds(self) -> float | None:
        """The time of all steps together, or None if it is not known."""
        times = [step.seconds for step in self.steps]
        return None if None in times else sum(time for time in times if time is not None)


def promotion(
    conn: Connection, model: Model, status: Status, count: Count = gaps.totals
) -> PromotionPlan:
    """
    What promoting a version will do, as things stand.

    :param count: Counts the windows of the version that serves.
    """
    serving = active.serving(conn).model
    borrows, missing = _missing(conn, model, status, count)
    measured, rate = windows_per_s(conn, model)
    servers = sum(row.live for row in replicas.list_all(conn))
    left = servers - status.loaded_by
    seconds = 0.0 if not missing else None if rate is None else missing / rate
    return PromotionPlan(
        serving=serving.name,
        steps=(
            _build_step(missing, seconds, borrows),
            Step(
                "Load.",
                f"{left} of {servers} running servers have to load and check it. Meanwhile they"
                " answer with the serving version."
                if left > 0
                else "Every running server has loaded it already.",
                LOAD_S if left > 0 else 0.0,
            ),
            Step(
                "Prove.",
                "Every window must have its vector. A sample is embedded again and must match.",
                PROVE_S,
            ),
            Step(
                "Switch.",
                "One transaction. Running answers finish on the version they began with.",
                SWITCH_S,
            ),
        ),
        windows=missing,
        unloaded=max(0, left),
        measured=measured,
        verdict=versions.verdict(conn, model, serving),
    )


def _build_step(missing: int, seconds: float | None, borrows: bool) -> Step:
    if borrows:
        means = "It changes only how questions are embedded, so it uses the existing vectors."
    elif missing:
        means = (
            f"{missing:,} windows of text are embedded, next to the vectors in use. Visitors notice"
            " nothing."
        )
    else:
        means = "Its vectors are complete."
    return Step("Build.", means, seconds)


def _missing(conn: Connection, model: Model, status: Status, count: Count) -> tuple[bool, int]:
    """Whether it uses another's vectors, and how many windows lack one."""
    index = indexes.of_model(conn, model.id)
    if index is not None and not status.uncut_chunks:
        return index.vectors_of is not None, status.windows - status.vectors
    if index is None and building.may_borrow(conn, model):
        return True, 0
    # Its windows are not cut yet: about as many as those of the version that serves.
    return False, count(conn, active.serving(conn).index).windows


def windows_per_s(conn: Connection, model: Model) -> tuple[str | None, float | None]:
    """
    Which model's speed was measured, and how many windows it embeds per second. None if none was.

    An evaluation loads its index as a build does, the graph included.
    """
    own = evaluations.latest_of(conn, identity(model))
    for found in [own] if own else evaluations.list_all(conn, limit=1):
        facts = _facts(found.figures, identity(model))
        timings = facts["timings"]
        if timings["index_s"]:
            return str(facts["name"]), timings["windows"] / timings["index_s"]
    return None, None


def _facts(figures: Mapping[str, Any], wanted: str) -> Mapping[str, Any]:
    """A model's facts in an evaluation, or those of the first model if it is not there."""
    found: list[Mapping[str, Any]] = figures["models"]
    return next((facts for facts in found if facts["identity"] == wanted), found[0])


@dataclass(frozen=True)
class VersionEntry:
    """A version in a list, with its depth in the lineage and its state (see `version_status.Status`)."""

    model: Model
    depth: int
    state: str


def listed(conn: Connection) -> list[VersionEntry]:
    """Every version below the one that it was made from, oldest first."""
    pointer, built = active.get(conn), indexes.newest_of_models(conn)
    rows = []
    for depth, model in lineage(models.list_all(conn)):
        index = built.get(model.id)
        state = "not built" if index is None else index.status
        if pointer is not None and index is not None:
            if index.id == pointer.index_id:
                state = "serving"
            elif index.id == pointer.previous_id:
                state = "previous"
        rows.append(VersionEntry(model, depth, state))
    return rows


def lineage(found: Sequence[Model]) -> list[tuple[int, Model]]:
    """Models with their depth, each after its parent and before the parent's later children."""
    children: dict[ModelId | None, list[Model]] = {}
    known = {model.id for model in found}
    for model in found:
        parent = model.parent_id if model.parent_id in known else None
        children.setdefault(parent, []).append(model)

    def below(parent: ModelId | None, depth: int) -> list[tuple[int, Model]]:
        return [
            entry
            for model in children.get(parent, [])
            for entry in [(depth, model), *below(model.id, depth + 1)]
        ]

    return below(None, 0)


def previous(conn: Connection) -> str | None:
    """The version that a rollback would let serve again, or None if there is none."""
    pointer = active.get(conn)
    if pointer is None or pointer.previous_id is None:
        return None
    return registry.of_index(conn, pointer.previous_id).name
