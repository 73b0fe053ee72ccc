"""Rows of `source_run`: each reading of a source, with what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from pipelines.store.db import Connection
from pipelines.store.ids import SourceId
from pipelines.store.rows import class_row

Outcome = Literal["done", "waiting", "failed", "stopped"]
# Runs of a source that are kept.
KEPT = 50


@dataclass(frozen=True)
class SourceRun:
    """
    One reading of a source.

    :param ended_at: None while it runs, and after it was cut off.
    :param counts: How many files were added, changed and so on.
    :param lines: What changed and what could not be read: what, key, reason.
    :param waiting: Keys of entries that are gone and wait for a confirmation to be deleted.
    """

    id: int
    source_id: SourceId
    who: str
    created_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    sentence: str
    counts: dict[str, int]
    lines: list[dict[str, Any]]
    waiting: list[str]


def begin(conn: Connection, source_id: SourceId, *, who: str) -> SourceRun:
    """Begin a run, or continue the one that was cut off."""
    with conn.cursor(row_factory=class_row(SourceRun)) as cursor:
        row = cursor.execute(
            "insert into source_run (source_id, who) values (%s, %s)"
            " on conflict (source_id) where ended_at is null do update set who = excluded.who"
            " returning *",
            (source_id, who),
        ).fetchone()
    assert row is not None
    return row


def end(
    conn: Connection,
    run: SourceRun,
    outcome: Outcome,
    *,
    sentence: str,
    counts: Mapping[str, int],
    lines: Sequence[Mapping[str, Any]],
    waiting: Sequence[str] = (),
) -> None:
    """Record what came of a run, and forget old ones of the same source."""
    conn.execute(
        "update source_run set ended_at = clock_timestamp(), outcome = %s, sentence = %s,"
        " counts = %s, lines = %s, waiting = %s where id = %s",
        (outcome, sentence, Jsonb(dict(counts)), Jsonb(list(lines)), list(waiting), run.id),
    )
    conn.execute(
        "delete from source_run where source_id = %s and id not in"
        " (select id from source_run where source_id = %s order by id desc limit %s)",
        (run.source_id, run.source_id, KEPT),
    )


def note(conn: Connection, run: SourceRun, lines: Sequence[Mapping[str, Any]]) -> None:
    """Keep what a run has changed so far, for the one that continues it."""
    conn.execute("update source_run set lines = %s where id = %s", (Jsonb(list(lines)), run.id))


def latest(conn: Connection) -> dict[SourceId, SourceRun]:
    """The newest run of each source."""
    with conn.cursor(row_factory=class_row(SourceRun)) as cursor:
        rows = cursor.execute(
            "select distinct on (source_id) * from source_run order by source_id, id desc"
        ).fetchall()
    return {row.source_id: row for row in rows}
