"""
Time from a stopped system to an answer.

Measures `attune ask` with its embedded database, and `attune serve` until it reports that it is
ready. Both run with torch, as for a small library, and with the CPU twin of a larger one. Figures
are medians of several starts with files in the system's cache, as after a first start.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.zoo import ZOO
from tests.serving import Served

LARGE = ZOO / "pdf" / "lyft_2021.pdf"
STARTS = 3
ASK_S, READY_S = 6.0, 10.0
QUESTION = "How do I add documents?"


def rows() -> list[dict[str, Any]]:
    """Seconds of both commands. With the twin only if the large document is present."""
    with tempfile.TemporaryDirectory(prefix="attune-") as home:
        server = Served(Path(home), worker=True)
        del server.environment["ATTUNE_THREADS"], server.environment["OMP_NUM_THREADS"]
        server.start()  # indexes the handbook
        server.stop()
        found = _both(server, "by torch")
        if LARGE.is_file():
            server.run("ingest", str(LARGE), within_s=900).check_returncode()
            found += _both(server, "with the twin")
    return found


def _both(server: Served, how: str) -> list[dict[str, Any]]:
    return [
        _row(f"attune ask from cold, {how}", _median(lambda: _ask(server)), ASK_S),
        _row(f"server ready, {how}", _median(lambda: _serve(server)), READY_S),
    ]


def _ask(server: Served) -> float:
    began = time.perf_counter()
    server.run("ask", QUESTION).check_returncode()
    return time.perf_counter() - began


def _serve(server: Served) -> float:
    began = time.perf_counter()
    server.start()
    ready = time.perf_counter() - began
    server.stop()
    return ready


def _median(once: Callable[[], float]) -> float:
    return statistics.median(once() for _ in range(STARTS))


def _row(name: str, seconds: float, goal: float) -> dict[str, Any]:
    return {
        "name": f"start: {name}", "value": round(seconds, 2), "unit": "s", "goal": goal,
        "better": "lower", "how": f"median of {STARTS}, nothing else running",
    }  # fmt: skip


if __name__ == "__main__":
    for row in rows():
        print(f"{row['value']:8.2f} {row['unit']}  {row['name']}")
