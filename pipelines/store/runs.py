"""Rows of `training_run`: settings, progress, and the resulting model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import ModelId, RunId
from pipelines.store.rows import class_row


@dataclass(frozen=True)
class Run:
    """One fine-tuning run, as stored."""

    id: RunId
    name: str
    settings: dict[str, Any]
    status: str
    progress: dict[str, Any]
    error: str | None
    model_id: ModelId | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


def add(
    conn: Connection, *, name: str, settings: dict[str, Any], created_by: str = "system"
) -> RunId:
    """
    Add a run that is not started, and return its id.

    :param name: The name of its model. If empty, the next free one of v1, v2, ...
    """
    row = conn.execute(
        "insert into training_run (name, settings, created_by) values (%s, %s, %s) returning id",
        (name, Jsonb(settings), created_by),
    ).fetchone()
    assert row is not None
    return RunId(row[0])


def get(conn: Connection, run_id: RunId) -> Run | None:
    """The run with this id."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute("select * from training_run where id = %s", (run_id,)).fetchone()


def lock(conn: Connection, run_id: RunId) -> Run | None:
    """Return the run with this id, locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(
            "select * from training_run where id = %s for update", (run_id,)
        ).fetchone()


def list_all(conn: Connection) -> list[Run]:
    """Every run, newest first."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute("select * from training_run order by id desc").fetchall()


def mark_running(conn: Connection, run_id: RunId) -> None:
    """Mark the run as started or resumed."""
    conn.execute(
        "update training_run set status = 'running', error = null, ended_at = null,"
        " started_at = coalesce(started_at, now()) where id = %s",
        (run_id,),
    )


def set_progress(conn: Connection, run_id: RunId, progress: dict[str, Any]) -> None:
    """Store the run's progress."""
    conn.execute("update training_run set progress = %s where id = %s", (Jsonb(progress), run_id))


def mark_ended(conn: Connection, run_id: RunId, status: str, error: str | None = None) -> None:
    """Mark the run as failed or interrupted. It can resume from its last checkpoint."""
    conn.execute(
        "update training_run set status = %s, error = %s, ended_at = now() where id = %s",
        (status, error, run_id),
    )


def mark_done(conn: Connection, run_id: RunId, model_id: ModelId) -> None:
    """Mark the run as done and store its model."""
    conn.execute(
        "update training_run set status = 'done', model_id = %s, error = null, ended_at = now()"
        " where id = %s",
        (model_id, run_id),
    )
