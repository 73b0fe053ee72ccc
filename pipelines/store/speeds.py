"""Rows of `training_speed`: how fast a machine was measured to train a base model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection


def get(conn: Connection, base: str, machine: str) -> dict[str, Any] | None:
    """What was measured on this machine; None: nothing was."""
    row = conn.execute(
        "select speed from training_speed where base = %s and machine = %s", (base, machine)
    ).fetchone()
    return None if row is None else row[0]


def put(conn: Connection, base: str, machine: str, speed: Mapping[str, Any]) -> None:
    """Keep what was measured, in place of what was measured before."""
    conn.execute(
        "insert into training_speed (base, machine, speed) values (%s, %s, %s)"
        " on conflict (base, machine) do update set speed = excluded.speed, measured_at = now()",
        (base, machine, Jsonb(dict(speed))),
    )
