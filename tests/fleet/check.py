"""Compares what programs were told with what the database holds at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.check import quantile
from tests.chaos.journal import entries

# A kill takes effect, and is noticed by a client, within so many seconds of its note.
NOTICED_S = 2.0
Killed = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Answers:
    """
    What became of the questions.

    :param cut: Questions whose server was killed before the answer. Nobody could answer them.
    :param lost: Answers whose question or text is not stored.
    """

    asked: int
    failed: list[str]
    mixed: list[str]
    lost: list[str]
    cut: int
    p95_s: float
    longest_s: float


@dataclass(frozen=True)
class Documents:
    """What became of the documents. `unknown` were left alone after a request that was cut off."""

    written: int
    failed: list[str]
    lost: list[str]
    back: list[str]
    unknown: int


def answers(
    journals: Path, conn: psycopg.Connection, by_epoch: dict[int, int], killed: Killed
) -> Answers:
    """Compare every answer with the audit, with its row, and with the server's answers before."""
    told = entries(journals, "asker", "answer")
    given = [entry for entry in told if "answer_id" in entry]
    cut = [entry for entry in told if "cut" in entry]
    failed = [str(entry["fault"]) for entry in told if "fault" in entry]
    failed += [f"{e['server']}: {e['cut']}" for e in cut if not by_kill(e, killed)]
    rows = _rows(conn)
    names = _names(conn)
    mixed, lost = [], []
    for entry in given:
        row = rows.get(entry["answer_id"])
        if row is None or (row["text"], row["question"]) != (entry["answer"], entry["question"]):
            lost.append(f"answer {entry['answer_id']}: {row}")
        elif not is_one_version(entry, row, by_epoch, names):
            mixed.append(f"{entry['epoch']} {entry['model']}, stored {row['epoch']} {row['model']}")
    mixed += went_back(given)
    seconds = [entry["t"] - entry["began"] for entry in given]
    p95_s, longest_s = quantile(seconds, 0.95), max(seconds, default=0.0)
    ended = sum(by_kill(entry, killed) for entry in cut)
    return Answers(len(told), failed, mixed, lost, ended, p95_s, longest_s)


def by_kill(entry: dict[str, Any], killed: Killed) -> bool:
    """Whether the server had the request when it was killed."""
    return any(
        name == entry["server"] and entry["began"] <= at + NOTICED_S and entry["t"] >= at
        for name, at in killed
    )


def is_one_version(
    entry: dict[str, Any], row: dict[str, Any], by_epoch: dict[int, int], names: dict[int, str]
) -> bool:
    """Whether the answer, its row and the audit name one version."""
    return (
        by_epoch.get(entry["epoch"]) == row["index"]
        and row["epoch"] == entry["epoch"]
        and names.get(row["index"]) == entry["model"] == row["model"]
    )


def went_back(given: list[dict[str, Any]]) -> list[str]:
    """Answers of an earlier epoch than one that the same server had given before the question."""
    found = []
    for entry in given:
        before = [
            other["epoch"]
            for other in given
            if other["server"] == entry["server"] and other["t"] < entry["began"]
        ]
        if entry["epoch"] < max(before, default=0):
            found.append(f"{entry['server']} went back from {max(before)} to {entry['epoch']}")
    return found


def _rows(conn: psycopg.Connection) -> dict[int, dict[str, Any]]:
    """Every stored answer with the question before it, by its id."""
    found = conn.execute(
        "select a.id, a.text, a.epoch, a.index_id, a.model_name, q.text from message a"
        " left join message q on q.conversation_id = a.conversation_id and q.role = 'user'"
        " where a.role = 'assistant'"
    ).fetchall()
    keys = ("text", "epoch", "index", "model", "question")
    return {row[0]: dict(zip(keys, row[1:], strict=True)) for row in found}


def _names(conn: psycopg.Connection) -> dict[int, str]:
    """The name of each index's version."""
    return dict(
        conn.execute(
            "select i.id, m.name from search_index i join model m on m.id = i.model_id"
        ).fetchall()
    )


def documents(journals: Path, conn: psycopg.Connection, killed: Killed) -> Documents:
    """Compare the documents that should be there with those that are."""
    stands = entries(journals, "writer", "stands")
    expected = {entry["name"]: entry["sha256"] for entry in stands}
    faults = entries(journals, "writer", "fault")
    cut = entries(journals, "writer", "cut")
    unknown = {entry["name"] for entry in (*cut, *faults)}
    found = {
        row[0]: row[1]
        for row in conn.execute(
            "select d.title, d.sha256 from document d where d.title like 'fleet %'"
            " and d.status = 'indexed' and exists (select 1 from chunk where document_id = d.id)"
        )
    }
    known = {name: sha256 for name, sha256 in expected.items() if name not in unknown}
    return Documents(
        len(stands),
        [entry["fault"] for entry in faults]
        + [f"{e['server']}: {e['what']} {e['why']}" for e in cut if not by_kill(e, killed)],
        [
            f"{n}: {found.get(n)}"
            for n, sha256 in known.items()
            if sha256 and found.get(n) != sha256
        ],
        [name for name, sha256 in known.items() if sha256 is None and name in found],
        len(unknown),
    )
