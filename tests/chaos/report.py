"""The report of a run: one line during the run, a table at the end, rows for bench/chaos.json."""

from __future__ import annotations

import sys
import time
from typing import Any

EVERY_S = 5.0


class Live:
    """Prints a line of progress every few seconds."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._began = time.monotonic()
        self._shown = 0.0
        self._phase = ""

    def phase(self, name: str, detail: str = "") -> None:
        """Begin a phase."""
        self._phase = name
        self._say(name, detail)

    def show(self, phase: str, detail: str) -> None:
        """Print the progress if it is due."""
        if phase != self._phase or time.monotonic() - self._shown > EVERY_S:
            self._phase = phase
            self._say(phase, detail)

    def _say(self, phase: str, detail: str) -> None:
        self._shown = time.monotonic()
        if not self._quiet:
            elapsed = self._shown - self._began
            print(f"{elapsed:5.0f} s  {phase:18} {detail}", flush=True)
            sys.stdout.flush()


def row(
    name: str, value: float, unit: str, goal: float | None, how: str, *, better: str = "lower"
) -> dict[str, Any]:
    """One figure in the format of bench/results.json."""
    return {
        "name": name,
        "value": round(float(value), 3),
        "unit": unit,
        "goal": goal,
        "better": better,
        "how": how,
    }
