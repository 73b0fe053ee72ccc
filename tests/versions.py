"""Small real versions for tests of the swap: registered models, handles, and a few documents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.services import Services, open_services
from app.settings import Settings
from pipelines.embedder import loading, model_files
from pipelines.embedder.loading import EncoderOptions
from pipelines.embedder.local import LocalEncoder
from pipelines.search import opening
from pipelines.search.handle import SearchHandle
from pipelines.store import active, models
from pipelines.store.active import Switch
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import IndexId, ModelId
from pipelines.versions import build, first
from tests.corpus import add_document

WORDS = [
    "harbour", "pier", "grain", "timber", "ferry", "island", "lamp", "storm", "trust", "berth",
    "tide", "crane", "dock", "hull", "rope",
]  # fmt: skip


def passages(count: int, *, of: str = "p") -> list[str]:
    """Distinct texts with different words, always the same for the same `of`."""
    return [
        " ".join(random.Random(f"{of}{n}").choices(WORDS, k=11)) + f" {of}{n}" for n in range(count)
    ]


def load_handle(conn: Connection, options: EncoderOptions) -> SearchHandle:
    """The handle of the index that is active now."""
    serving = active.serving(conn)
    return opening.load_index(conn, serving.index.id, options, epoch=serving.epoch)


def first_handle(conn: Connection, model: Path, cache: Path) -> SearchHandle:
    """The handle of a first version, in which words count most, as a small model knows little."""
    options = EncoderOptions(cache=cache)
    first.ensure_first(conn, str(model), options, size=64, stride=48, lexical_weight=0.9)
    return load_handle(conn, options)


def register(pool: Pool, folder: Path, name: str, store: Path) -> ModelId:
    """Register a model folder as a version, with its files kept in `store`."""
    kept, sha256 = model_files.put(folder, store)
    dimension = LocalEncoder(kept, device="cpu").dimension
    with pool.connection() as conn:
        return models.add(
            conn,
            name=name,
            base="tiny",
            kind="full",
            dimension=dimension,
            artefact=str(kept),
            manifest_sha256=sha256,
        )


def create(pool: Pool, model_id: ModelId, options: EncoderOptions) -> tuple[IndexId, SearchHandle]:
    """Create a model's index, not built, and return its handle."""
    with pool.connection() as conn:
        model = models.get(conn, model_id)
        assert model is not None
        encoder = loading.load_model(model, options)
        coded = loading.makes_codes(encoder, options)
        index_id = build.create(conn, model, encoder.tokenizer, coded=coded)
    with pool.connection() as conn:
        return index_id, opening.load_index(conn, index_id, options)


def switch(handle: SearchHandle, epoch: int, action: str = "promote") -> Switch:
    """A switch to a version, as requested by a test."""
    return Switch(handle.index_id, epoch, "test", action, uuid4(), {})


@contextmanager
def opened(dsn: str, base: Path, home: Path, count: int) -> Iterator[Services]:
    """Services on an empty database, with one document of so many passages."""
    given: dict[str, Any] = {"home": home, "DATABASE_URL": dsn, "base_model": str(base)}
    with open_services(Settings(**given)) as services:
        with services.pool.connection() as conn:
            add_document(conn, services.replica.current(), "one", passages(count))
        yield services
