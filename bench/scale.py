"""
100,000 windows of real pages ingested by one command, and questions over them.

Measures memory from the first thousands to the last, and the recall among real vectors. Pages are
those of a public documentation set as Markdown files. Questions are the titles of pages.
"""

from __future__ import annotations

import itertools
import statistics
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.services import open_services
from app.settings import Settings
from bench import corpus, question, zoo

PAGES = corpus.SCALE / "docs_md.tar.gz"
# Enough text for a little more than 100,000 windows.
TEXT_BYTES = 32_500_000
COMPARED = 200
TOP_K = question.TOP_K
# Parts of the run whose memory is compared. The faster encoder is built before the first part.
EARLY, LATE = (0.2, 0.3), (0.9, 1.0)


def rows() -> list[dict[str, Any]]:
    """Rate, memory, latency and recall. No rows without the pages."""
    if not PAGES.is_file():
        return []
    titles = corpus.titles()[:COMPARED]
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        pages, home = Path(folder) / "pages", Path(folder) / "home"
        _unpack(pages)
        run = zoo.ingest(pages, home)
        windows = sum(file["windows"] for file in run.printed["files"])
        failed = sum(file["status"] == "failed" for file in run.printed["files"])
        settings = Settings(home=home, database_url="", base_model="all-MiniLM-L6-v2")
        with open_services(settings) as services, services.pool.connection() as conn:
            handle = services.replica.current()
            asked = question.read(handle, titles)
            times = question.times(conn, handle, asked)
            found = question.recall(conn, handle, asked, None)
    growth = statistics.median(_part(run.memory_mb, LATE)) / statistics.median(
        _part(run.memory_mb, EARLY)
    )
    how = f"{windows:,} windows of {len(run.printed['files']):,} Markdown files, {failed} failed"
    real = f"{how}, {COMPARED} questions"
    return [
        _row("windows/s taken in by the command", windows / run.seconds, "1/s", None, f"{how}, {run.seconds:.0f} s in all", "higher"),
        _row("memory of the last tenth over that after a fifth", growth, "x", 1.2, f"{how}; command, reader and database"),
        _row("peak memory of command, reader and database", run.peak_mb, "MB", zoo.MOST_MEMORY_MB, how),
        _row("retrieval p50", question.quantile(times, 0.5), "ms", 12, real),
        _row("retrieval p95", question.quantile(times, 0.95), "ms", 30, real),
        _row("recall@10 of the vector side", found, "", 0.98, f"{real}, against comparing all", "higher"),
    ]  # fmt: skip


def _unpack(folder: Path) -> None:
    """Unpack pages until there is enough text."""
    with tarfile.open(PAGES) as archive:
        members = [member for member in archive if member.isfile()]
        sizes = itertools.accumulate(member.size for member in members)
        wanted = [m for m, size in zip(members, sizes, strict=True) if size <= TEXT_BYTES]
        archive.extractall(folder, wanted, filter="data")


def _part(samples: Sequence[float], part: tuple[float, float]) -> Sequence[float]:
    start, end = (int(len(samples) * share) for share in part)
    return samples[start:end]


def _row(
    name: str, value: float, unit: str, goal: float | None, how: str, better: str = "lower"
) -> dict[str, Any]:
    return {
        "name": f"scale: {name}",
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "better": better,
        "how": how,
    }
