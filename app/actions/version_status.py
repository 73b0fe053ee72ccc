"""How far each version is: built, loaded, serving."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from app.actions.counts import Count
from pipelines.embedder import registry
from pipelines.store import active, gaps, indexes, models, replicas, shadows
from pipelines.store.active import Active
from pipelines.store.db import Connection
from pipelines.store.models import Model
from pipelines.store.shadows import ShadowReport


@dataclass(frozen=True)
class Status:
    """
    How far a version is.

    :param state: Serving, previous, ready, building, failed, or not built.
    :param shadow: How it compares so far, while it answers silently.
    """

    name: str
    kind: str
    state: str
    reason: str | None = None
    documents: int = 0
    complete: int = 0
    windows: int = 0
    vectors: int = 0
    uncut_chunks: int = 0
    loaded_by: int = 0
    proof: dict[str, Any] | None = None
    shadow: ShadowReport | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self)) | {"shadow": None if self.shadow is None else asdict(self.shadow)}


def statuses(conn: Connection) -> list[Status]:
    """Every version, and how far it is."""
    pointer = active.get(conn)
    loaded = [row for row in replicas.list_all(conn) if row.live]
    return [_status(conn, model, pointer, loaded) for model in models.list_all(conn)]


def status(conn: Connection, name: str, count: Count = gaps.totals) -> Status:
    """
    How far one version is.

    :param count: Counts its vectors.
    :raises InputError: There is no such version.
    """
    loaded = [row for row in replicas.list_all(conn) if row.live]
    return _status(conn, registry.find(conn, name), active.get(conn), loaded, count)


def _status(
    conn: Connection,
    model: Model,
    pointer: Active | None,
    loaded: list[replicas.ReplicaRow],
    count: Count = gaps.totals,
) -> Status:
    index = indexes.of_model(conn, model.id)
    if index is None:
        return Status(model.name, model.kind, "not built")
    if pointer is not None and index.id != pointer.index_id:
        # While a version is built again, the index that serves is the one that is asked about.
        serving = indexes.get(conn, pointer.index_id)
        if serving is not None and serving.model_id == model.id:
            index = serving
    state = index.status
    if pointer is not None and index.id == pointer.index_id:
        state = "serving"
    elif pointer is not None and index.id == pointer.previous_id:
        state = "previous"
    totals = count(conn, index)
    return Status(
        model.name,
        model.kind,
        state,
        index.reason,
        documents=totals.documents,
        complete=totals.complete,
        windows=totals.windows,
        vectors=totals.vectors,
        uncut_chunks=totals.uncut_chunks,
        loaded_by=sum(index.id in row.prepared for row in loaded),
        proof=index.proof,
        shadow=shadows.report(conn, index.id) if index.shadow_share else None,
    )
