"""Rows of `model`: named embedders with immutable weights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from pipelines.errors import ConflictError, InputError
from pipelines.store.db import NAME_LOCK, Connection
from pipelines.store.ids import ModelId
from pipelines.store.rows import class_row


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
    """
    Register a model and return its id.

    :raises UniqueViolation: The name is taken.
    """
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


def next_name(conn: Connection) -> str:
    """
    The next free name: v1, v2, ...

    Transactions that ask for one wait for each other until they end.
    """
    conn.execute("select pg_advisory_xact_lock(%s)", (NAME_LOCK,))
    row = conn.execute(
        "select coalesce(max(substr(name, 2)::bigint), 0) + 1 from model where name ~ '^v[0-9]{1,9}$'"
    ).fetchone()
    assert row is not None
    return f"v{row[0]}"


def get(conn: Connection, model_id: ModelId) -> Model | None:
    """The model with this id."""
    with conn.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute("select * from model where id = %s", (model_id,)).fetchone()


def by_name(conn: Connection, name: str) -> Model | None:
    """The model with this name."""
    with conn.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute("select * from model where name = %s", (name,)).fetchone()


def exists(conn: Connection, name: str) -> bool:
    """Whether there is a model of this name."""
    return conn.execute("select 1 from model where name = %s", (name,)).fetchone() is not None


def newest_name(conn: Connection) -> str:
    """
    The name of the model that was added last.

    :raises InputError: There is none yet.
    """
    row = conn.execute("select name from model order by id desc limit 1").fetchone()
    if row is None:
        raise InputError("There is no version yet.")
    return str(row[0])


def list_all(conn: Connection) -> list[Model]:
    """Every model, oldest first."""
    with conn.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute("select * from model order by id").fetchall()


def delete(conn: Connection, model_id: ModelId) -> None:
    """
    Delete a model.

    :raises ConflictError: An index or another model was made from it.
    """
    try:
        with conn.transaction():
            conn.execute("delete from model where id = %s", (model_id,))
    except ForeignKeyViolation as error:
        table = error.diag.table_name
        user = "An index is made with it" if table == "search_index" else "Another was made from it"
        raise ConflictError(f"The version is in use: {user}.") from None


def uses_of(conn: Connection, manifest_sha256: str) -> int:
    """Count the models with these files."""
    row = conn.execute(
        "select count(*) from model where manifest_sha256 = %s", (manifest_sha256,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def set_artefact(conn: Connection, model_id: ModelId, artefact: str) -> None:
    """Store the new place of a model's files. The files must be the same."""
    conn.execute("update model set artefact = %s where id = %s", (artefact, model_id))


def lock(conn: Connection, model_id: ModelId) -> None:
    """Make other transactions that lock the model wait until this one ends."""
    conn.execute("select 1 from model where id = %s for no key update", (model_id,))
