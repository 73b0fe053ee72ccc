"""The size of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Machines, load and training of one run. Times are in seconds."""

    webs: int = 3
    workers: int = 2
    documents: int = 10
    askers: int = 4
    ask_pause_s: float = 1.0
    write_pause_s: float = 6.0
    steady_s: float = 10.0
    train_steps: int = 12
    kills_of_each: int = 2
