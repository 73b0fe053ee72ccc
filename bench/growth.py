"""
Costs as the corpus grows: ingest, questions, building a version, switching to it, disk and memory,
at 1,000, 10,000 and 100,000 windows, and with --large at 500,000.

Texts are real and vectors are synthetic (`bench.corpus`), so embedding is not measured. Draws
docs/images/growth.png with an extrapolation to larger deployments.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from psycopg import sql

from app.services import Services
from bench import corpus, question
from bench.scratch import scratch
from pipelines.search.handle import SearchHandle
from pipelines.store import active, indexes, models
from pipelines.versions import build, proof, switch

SIZES = (1_000, 10_000, 100_000)
LARGE = 500_000
# As far as the plot follows the line beyond what was measured.
FURTHER = 5_000_000
# Windows ingested while the graph exists, as on a server.
LIVE = 500
QUESTIONS = 100
PLOT = Path(__file__).resolve().parents[1] / "docs/images/growth.png"
TABLES = ("document", "document_blob", "chunk", "text_window", "posting")


@dataclass(frozen=True)
class Cost:
    """The measurements at one size. `ingest_per_s` and `build_per_s` count windows."""

    windows: int
    ingest_per_s: float
    question_p50_ms: float
    question_p95_ms: float
    build_s: float
    build_per_s: float
    promote_s: float
    rollback_s: float
    disk_mb: float
    memory_mb: float


LABELS = {
    "ingest_per_s": "windows/s taken in",
    "question_p50_ms": "question p50, ms",
    "question_p95_ms": "question p95, ms",
    "build_s": "build, s",
    "promote_s": "promote, s",
    "rollback_s": "roll back, s",
    "disk_mb": "disk, MB",
    "memory_mb": "memory, MB",
}
# The p95 of a hundred questions depends more on the machine than on the size.
PLOTTED = ("question_p50_ms", "ingest_per_s", "build_s", "promote_s", "disk_mb", "memory_mb")


def rows(*, large: bool = False) -> list[dict[str, Any]]:
    """Figures at each size. No rows without the passages."""
    if not corpus.SCALE.is_dir():
        return []
    costs = measure((*SIZES, LARGE) if large else SIZES)
    plot(costs)
    found = []
    for cost in costs:
        for name, label in LABELS.items():
            value = float(asdict(cost)[name])
            goal = 60.0 if (name, cost.windows) == ("question_p95_ms", LARGE) else None
            better = "higher" if name.endswith("per_s") else "lower"
            found.append(
                {
                    "name": f"{cost.windows:,} windows: {label}",
                    "value": round(value, 3),
                    "unit": "",
                    "goal": goal,
                    "better": better,
                    "how": "vectors are made, embedding is not counted",
                }
            )
    return found


def measure(sizes: Sequence[int]) -> list[Cost]:
    """The costs at each size, in one database that grows."""
    costs = []
    # Synthetic vectors are harder for a graph than real ones, and its recall is not measured here.
    proof.LEAST_SELF_RETRIEVAL = 0.9
    with scratch() as services:
        handle = corpus.handle(services)
        candidate = _candidate(services, handle)
        titles = corpus.titles()[:QUESTIONS]
        asked = question.read(handle, titles)
        held = 0
        for size in sizes:
            with services.pool.connection() as conn:
                corpus.drop_graph(conn, handle)
            with services.pool.connection() as conn:
                corpus.write(conn, handle, held, size - LIVE)
            corpus.settle(services, handle)
            costs.append(_at(services, handle, candidate, asked, size))
            held = size
            print(costs[-1], flush=True)
    return costs


def _at(
    services: Services,
    handle: SearchHandle,
    candidate: SearchHandle,
    asked: question.Asked,
    size: int,
) -> Cost:
    def take_in() -> None:
        with services.pool.connection() as conn:
            corpus.write(conn, handle, size - LIVE, size)

    def promote() -> None:
        with services.pool.connection() as conn:
            before = active.get(conn)
        assert before is not None
        switch.promote(services.pool, candidate, before.epoch, "bench")

    def go_back() -> None:
        with services.pool.connection() as conn:
            before = active.get(conn)
        assert before is not None
        switch.roll_back(services.pool, handle, before.epoch, "bench")

    taken_in = _seconds(take_in)
    with services.pool.connection() as conn:
        spent = question.times(conn, handle, asked)
    _empty(services, candidate)
    built = _seconds(lambda: build.build(services.pool, candidate))
    memory = _memory_mb()
    return Cost(
        windows=size,
        ingest_per_s=LIVE / taken_in,
        question_p50_ms=question.quantile(spent, 0.5),
        question_p95_ms=question.quantile(spent, 0.95),
        build_s=built,
        build_per_s=size / built,
        promote_s=_seconds(promote),
        rollback_s=_seconds(go_back),
        disk_mb=_disk_mb(services, handle),
        memory_mb=memory,
    )


def _candidate(services: Services, handle: SearchHandle) -> SearchHandle:
    """Another version of the same model, to build and switch to."""
    with services.pool.connection() as conn:
        model = models.get(conn, handle.model_id)
        assert model is not None
        model_id = models.add(
            conn,
            name="candidate",
            base=model.base,
            kind=model.kind,
            dimension=model.dimension,
            manifest_sha256=model.manifest_sha256,
        )
        added = models.get(conn, model_id)
        assert added is not None
        index_id = build.create(conn, added, handle.encoder.tokenizer, coded=handle.coded)
    return replace(handle, index_id=index_id, model_id=model_id, model_name="candidate")


def _empty(services: Services, candidate: SearchHandle) -> None:
    """Delete a version's vectors, so that all of them are made again."""
    with services.pool.connection() as conn:
        corpus.drop_graph(conn, candidate)
        conn.execute(sql.SQL("truncate {}").format(sql.Identifier(corpus.table(candidate))))
        indexes.mark(conn, candidate.index_id, "building")


def _disk_mb(services: Services, handle: SearchHandle) -> float:
    """Disk space of the documents and of the vectors of one version."""
    with services.pool.connection() as conn:
        row = conn.execute(
            "select sum(pg_total_relation_size(name::regclass)) from unnest(%s::text[]) t (name)",
            ([*TABLES, corpus.table(handle)],),
        ).fetchone()
    assert row is not None
    return float(row[0]) / 2**20


def _memory_mb() -> float:
    """Memory of this process and of the database, with shared memory counted once."""
    here = psutil.Process()
    # The embedded server is not our child, because it outlives the process that started it.
    servers = [
        p for p in psutil.process_iter(["name"]) if p.info["name"] == "postgres" and _ours(p)
    ]
    return sum(p.memory_full_info().pss for p in (here, *servers)) / 2**20


def _ours(process: psutil.Process) -> bool:
    """Whether a database process uses a bench's folder."""
    try:
        return "attune-bench-" in process.cwd()
    except psutil.Error:
        return False


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def line(sizes: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """
    The power law through the two largest sizes: ``value = factor * size ** exponent``.

    Smaller sizes consist mostly of costs that do not grow.
    """
    (n, a), (m, b) = list(zip(sizes, values, strict=True))[-2:]
    exponent = math.log(b / a) / math.log(m / n)
    return b / m**exponent, exponent


def plot(costs: Sequence[Cost], path: Path = PLOT) -> None:
    """Draw a small picture with one panel per cost."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [cost.windows for cost in costs]
    figure, panels = pyplot.subplots(2, 3, figsize=(9, 4.6), dpi=90)
    for panel, name in zip(panels.flat, PLOTTED, strict=True):
        values = [float(asdict(cost)[name]) for cost in costs]
        factor, exponent = line(sizes, values)
        ahead = [sizes[-2], FURTHER]
        panel.loglog(ahead, [factor * size**exponent for size in ahead], "--", color="#999999")
        panel.loglog(sizes, values, "o-", color="#4f46e5")
        panel.set_title(f"{LABELS[name]}  (∝ n^{exponent:.2f})", fontsize=9)
        panel.tick_params(labelsize=7, which="both")
        panel.grid(alpha=0.3)
    figure.supxlabel("windows; dashed: the line beyond what was measured", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, pil_kwargs={"optimize": True})
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="up to 500,000 windows")
    parser.add_argument("--sizes", type=int, nargs="+", help="these sizes instead")
    parser.add_argument("--plot", type=Path, default=PLOT, help="where the picture goes")
    given = parser.parse_args()
    sizes = given.sizes or ((*SIZES, LARGE) if given.large else SIZES)
    plot(measure(sizes), given.plot)


if __name__ == "__main__":
    main()
