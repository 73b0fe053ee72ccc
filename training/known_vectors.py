"""Vectors that a run need not compute, because its base's index has them."""

from __future__ import annotations

from pipelines.store import indexes, vectors
from pipelines.store.db import Connection
from pipelines.store.models import Model
from training.finetune.rundir import RunDir


def give(conn: Connection, run: RunDir, base: Model, passages: list[str]) -> None:
    """
    Give a run what the base's index holds of its passages, so that they are not embedded again.

    :param passages: Their sha256 sums, or other names of passages that no document has.
    """
    index = indexes.of_model(conn, base.id)
    if index is None or index.status != "ready":
        return
    names, found = vectors.of_passages(conn, index.vectors_id, passages)
    if names:
        run.write_known(names, found)
