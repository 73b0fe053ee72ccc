"""Rows of `training_speed`: measured training speeds by machine and base model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection


def get(conn: Connection, base: str, machine: str) -> dict[str, Any] | None:
    """The speed measured on this machine, if any."""
    row = conn.execute(
        "select speed from training_speed where base = %s and machine = %s", (base, machine)
    ).fetchone()
    return None if row is None else row[0]


def put(conn: Connection, base: str, machine: str, speed: Mapping[str, Any]) -> None:
    """Store a measured speed in place of an earlier one."""
    conn.execute(
        "insert into training_speed (base, machine, speed) values (%s, %s, %s)"
        " on conflict (base, machine) do update set speed = excluded.speed, measured_at = now()",
        (base, machine, Jsonb(dict(speed))),
    )
