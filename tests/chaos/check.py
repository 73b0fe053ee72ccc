"""Evaluates journals and database. Each function counts one kind of broken promise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pipelines.store import active, indexes, models
from pipelines.store.db import Connection
from tests.chaos.journal import entries
from tests.chaos.site import Site
from tests.chaos.writer import COLLECTION


@dataclass(frozen=True)
class Questions:
    """Counts of answers. `cut` counts questions whose server was killed before the answer."""

    answers: int
    failed: list[str]
    mixed: list[str]
    resurrected: int
    again: int
    cut: int


@dataclass(frozen=True)
class Corpus:
    """Counts of chunks at the end, compared with what the writers were told."""

    chunks: int
    lost: list[str]
    resurrected: list[str]
    operations: int
    looked_up: int
    wrongly_refused: list[str]
    orphans: int


def history(conn: Connection) -> tuple[dict[int, int], list[str]]:
    """The index of every epoch by the audit, and faults in the chain of promotions."""
    audits = sorted(
        (a for a in active.audits(conn, limit=100_000) if a.action in ("promote", "rollback")),
        key=lambda a: int(a.detail["epoch"]),
    )
    pointer = active.get(conn)
    assert pointer is not None
    wrong = []
    first = int(audits[0].detail["before"]) if audits else pointer.index_id
    by_epoch = {1: first}
    for audit in audits:
        epoch, index_id = int(audit.detail["epoch"]), int(audit.detail["index"])
        if epoch in by_epoch or by_epoch.get(epoch - 1) != int(audit.detail["before"]):
            wrong.append(f"epoch {epoch} does not follow from the one before")
        by_epoch[epoch] = index_id
    if by_epoch.get(pointer.epoch) != pointer.index_id or max(by_epoch) != pointer.epoch:
        wrong.append(f"the pointer says epoch {pointer.epoch}, the audit {max(by_epoch)}")
    return by_epoch, wrong


def questions(site: Site, conn: Connection, by_epoch: dict[int, int]) -> Questions:
    """Compare every answer with the audit, and with what had been deleted before the question."""
    answers = entries(site.journals, "server", "answer")
    asked = entries(site.journals, "server", "asked")
    deleted = {
        entry["deleted"]: entry["t"]
        for entry in entries(site.journals, "writer", "stands")
        if "deleted" in entry
    }
    rows = {index_id: indexes.get(conn, index_id) for index_id in set(by_epoch.values())}
    dimensions = {
        index_id: model.dimension
        for index_id, index in rows.items()
        if index is not None and (model := models.get(conn, index.model_id)) is not None
    }
    failed, mixed, resurrected = [], [], 0
    for entry in answers:
        if "fault" in entry:
            failed.append(entry["fault"])
            continue
        epoch, index_id, dimension = entry["handle"]
        if (
            by_epoch.get(epoch) != index_id
            or dimensions.get(index_id) != dimension
            or entry["answer"][:2] != [epoch, index_id]
        ):
            mixed.append(f"{entry['handle']} {entry['answer']}, the audit: {by_epoch.get(epoch)}")
        if not entry["documents"]:
            failed.append("no passages")
        resurrected += any(deleted.get(d, math.inf) < entry["id"] for d in entry["documents"])
    return Questions(
        len(answers),
        failed,
        mixed,
        resurrected,
        sum(entry["again"] for entry in answers),
        len(asked) - len(answers),
    )


def corpus(site: Site, conn: Connection, documents: int) -> Corpus:
    """Compare the existing documents and chunks with the expected ones."""
    stands: dict[str, dict[str, Any]] = {}
    told = entries(site.journals, "writer", "stands")
    for entry in told:
        stands[entry["source"]] = entry
    expected = {
        source: (entry["sha256"], entry["chunks"])
        for source, entry in stands.items()
        if entry["sha256"] is not None
    }
    found = {
        row[0]: (row[1], row[2])
        for row in conn.execute(
            "select d.source, d.sha256, count(c.id) from document d left join chunk c"
            " on c.document_id = d.id where d.collection = %s and d.source like 'writer%%'"
            " and (d.status = 'indexed' or exists (select 1 from chunk where document_id = d.id))"
            " group by d.id",
            (COLLECTION,),
        )
    }
    lost = [
        f"{s}: {expected[s]}, found {found.get(s)}" for s in expected if found.get(s) != expected[s]
    ]
    back = [f"{s}: {found[s]}" for s in found if s not in expected]
    base = conn.execute(
        "select count(distinct d.id), count(c.id) from document d join chunk c"
        " on c.document_id = d.id where d.source like 'base %'"
    ).fetchone()
    assert base is not None
    if base != (documents, 5 * documents):
        lost.append(f"of the first {documents} documents {base[0]} with {base[1]} chunks are left")
    total = conn.execute("select count(*) from chunk").fetchone()
    postings = conn.execute(
        "select count(distinct chunk_id) from posting p"
        " where not exists (select 1 from chunk c where c.id = p.chunk_id)"
    ).fetchone()
    assert total is not None
    assert postings is not None
    refused = entries(site.journals, "writer", "refused")
    wrong = [
        f"{entry['source']}: {entry['reason']}"
        for entry in refused
        if any(
            e["source"] == entry["source"] and e["t"] > entry["t"] and _came_in(site, e, entry)
            for e in told
        )
    ]
    return Corpus(
        total[0],
        lost,
        back,
        len(told),
        sum(not entry["told"] for entry in told),
        wrong,
        postings[0],
    )


def _came_in(site: Site, stands: dict[str, Any], refused: dict[str, Any]) -> bool:
    """Whether a lookup right after a refusal found the refused content."""
    intended = [
        entry
        for entry in entries(site.journals, "writer", "intends")
        if entry["source"] == refused["source"] and entry["t"] < refused["t"]
    ]
    return (
        stands["t"] - refused["t"] < 15
        and not stands["told"]
        and bool(intended)
        and stands["sha256"] == intended[-1]["sha256"]
    )


def convergence(site: Site, epochs: set[int]) -> list[float]:
    """Seconds from each commit of these epochs until each server followed it."""
    committed = {
        entry["epoch"]: entry["t"]
        for entry in entries(site.journals, "admin", "committed")
        if entry["epoch"] in epochs
    }
    by_server: dict[str, list[dict[str, Any]]] = {}
    for entry in entries(site.journals, "server", "follows"):
        by_server.setdefault(entry["by"], []).append(entry)
    found = []
    for epoch, at in committed.items():
        for seen in by_server.values():
            first = next((e["t"] for e in seen if e["epoch"] >= epoch), None)
            alive = seen[0]["t"] < at
            if alive and first is not None:
                found.append(max(0.0, first - at))
            elif alive and first is None and seen[-1]["t"] > at:
                found.append(math.inf)
    return found


def followed_within(site: Site, began: dict[int, float]) -> list[float]:
    """Seconds from the call until the last server followed, for each epoch."""
    follows = entries(site.journals, "server", "follows")
    return [
        max((e["t"] for e in follows if e["epoch"] == epoch), default=math.inf) - at
        for epoch, at in began.items()
    ]


def retrieval_ms(site: Site, span: tuple[float, float]) -> list[float]:
    """Milliseconds of the retrievals in a time span."""
    return [
        entry["ms"]
        for entry in entries(site.journals, "server", "answer")
        if "ms" in entry and span[0] <= entry["id"] <= span[1]
    ]


def late_follower(site: Site, name: str, resumed: float) -> float:
    """Seconds that a server needed to follow after it had been stopped."""
    seen = [e["t"] for e in entries(site.journals, name, "follows") if e["t"] >= resumed]
    return min(seen, default=resumed) - resumed


def quantile(values: list[float], share: float) -> float:
    """
    The least value that at least this share of the values does not exceed, or 0 without values.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
