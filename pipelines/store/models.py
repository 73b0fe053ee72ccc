"""Rows of `model`: immutable weights by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import ModelId


@dataclass(frozen=True)
class Model:
    """One embedder, as registered."""

    id: ModelId
    name: str
    base: str
    kind: str
    dimension: int
    prompts: dict[str, str]
    artefact: str | None
    manifest_sha256: str | None
    settings: dict[str, Any]
    metrics: dict[str, Any]
    parent_id: ModelId | None
    created_by: str
    created_at: datetime


def add(
    conn: Connection,
    *,
    name: str,
    base: str,
    kind: str,
    dimension: int,
    prompts: dict[str, str] | None = None,
    artefact: str | None = None,
    manifest_sha256: str | None = None,
    settings: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    parent_id: ModelId | None = None,
    created_by: str = "system",
) -> ModelId:
    """Register a model; its id. A name that is taken fails (`UniqueViolation`)."""
    row = conn.execute(
        "insert into model (name, base, kind, dimension, prompts, artefact, manifest_sha256,"
        " settings, metrics, parent_id, created_by)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id",
        (
            name,
            base,
            kind,
            dimension,
            Jsonb(prompts or {}),
            artefact,
            manifest_sha256,
            Jsonb(settings or {}),
            Jsonb(metrics or {}),
            parent_id,
            created_by,
        ),
    ).fetchone()
    assert row is not None
    return ModelId(row[0])


def get(conn: Connection, model_id: ModelId) -> Model | None:
    """The model with this id."""
    with conn.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute("select * from model where id = %s", (model_id,)).fetchone()


def by_name(conn: Connection, name: str) -> Model | None:
    """The model with this name."""
    with conn.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute("select * from model where name = %s", (name,)).fetchone()


def list_all(conn: Connection) -> list[Model]:
    """Every model, oldest first."""
    with conn.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute("select * from model order by id").fetchall()
