"""The size of a run: `FULL` for the documentation's promises, `SHORT` for every test run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """
    Counts and times of one run.

    `silent` swaps happen without a NOTIFY. Without `windows` the writers' pause at scale is not
    measured.
    """

    swaps: int
    rollbacks: int
    silent: int
    killed_admins: int
    killed_workers: int
    killed_servers: int
    crashes: int
    dropped_listeners: int
    stopped_s: float
    races: int
    windows: int
    switches_at_scale: int
    control_switches: int
    damages: int
    steady_s: float
    documents: int = 100
    servers: int = 3
    writers: int = 2
    questions_per_s: float = 6.0


FULL = Plan(
    swaps=100,
    rollbacks=20,
    silent=20,
    killed_admins=29,
    killed_workers=6,
    killed_servers=15,
    crashes=5,
    dropped_listeners=10,
    stopped_s=30,
    races=50,
    windows=100_000,
    switches_at_scale=24,
    control_switches=60,
    damages=3,
    steady_s=30,
)
# The worker's kills and the other damages have tests of their own.
SHORT = Plan(
    swaps=3,
    rollbacks=1,
    silent=1,
    killed_admins=2,
    killed_workers=0,
    killed_servers=1,
    crashes=1,
    dropped_listeners=1,
    stopped_s=2,
    races=2,
    windows=0,
    switches_at_scale=0,
    control_switches=60,
    damages=1,
    steady_s=1,
    documents=12,
    servers=2,
)
