"""A run's progress: lines that the child appends, and that pages and commands read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.progress import Progress

LOSS = "loss"


class Reporter:
    """
    Appends progress to a file, at most a few lines a second. Only the lead process writes.

    A line has a stage (embedding, training or trained), the step and the steps in all, which count
    texts while embedding, and what was measured last.
    """

    def __init__(self, path: Path, *, lead: bool, every_s: float = 0.5) -> None:
        self._path, self._lead, self._every_s = path, lead, every_s
        self._stage, self._began, self._first, self._last = "", 0.0, 0, 0.0
        self._evaluation: dict[str, float] = {}

    def __call__(
        self,
        stage: str,
        *,
        step: int,
        total: int,
        loss: float | None = None,
        evaluation: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._began, self._first = stage, now, step
            self._last = 0.0
        due = now - self._last >= self._every_s or step >= total
        if not self._lead or not (due or evaluation):
            return
        self._last = now
        self._evaluation = evaluation or self._evaluation
        spent, done = now - self._began, step - self._first
        line = {
            "at": round(time.time(), 1),
            "stage": stage,
            "step": step,
            "total": total,
            "loss": None if loss is None else round(loss, 4),
            "steps_per_s": round(done / spent, 4) if done and spent else None,
            "eta_s": round(spent / done * (total - step), 1) if done else None,
            "evaluation": {k: round(v, 4) for k, v in self._evaluation.items()},
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _of_line(line: Mapping[str, Any]) -> Progress:
    """A line of a progress file. The loss and the held-out figures are its `figures`."""
    loss = line.get(LOSS)
    return Progress(
        line["stage"],
        line["step"],
        line["total"],
        line.get("steps_per_s"),
        line.get("eta_s"),
        figures=({} if loss is None else {LOSS: loss}) | line.get("evaluation", {}),
    )


@dataclass(frozen=True)
class Point:
    """A figure of a run: a curve's name, the step, and the value there."""

    curve: str
    step: int
    value: float


def curves(path: Path, *, most: int = 300) -> list[Point]:
    """
    Loss and held-out figures of a run's progress file, by step. Empty if there are none yet.

    A resumed run repeats some steps. The later figures count.

    :param most: Largest number of points in one curve. Longer curves are sampled evenly.
    """
    found: dict[str, dict[int, float]] = {}
    for told in Tail(path, from_start=True).read():
        if told.stage != "training":
            continue
        for name, value in told.figures.items():
            curve = found.setdefault(name, {})
            # Each line repeats the newest evaluation: only where it changes was it made.
            if name == LOSS or not curve or list(curve.values())[-1] != value:
                curve[told.done] = value
    return [
        Point(name, step, value)
        for name, curve in found.items()
        for step, value in _thinned(sorted(curve.items()), most)
    ]


def last_step(path: Path) -> tuple[int, int] | None:
    """
    The step that training has reached, and the number of steps planned, or None if there is none
    yet.
    """
    told = [one for one in Tail(path, from_start=True).read() if one.stage == "training"]
    return (told[-1].done, told[-1].total) if told else None


def _thinned(points: list[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    stride = -(-len(points) // most)
    return points if stride <= 1 else [*points[:-1][::stride], points[-1]]


class Tail:
    """Reads the lines of a progress file as they come."""

    def __init__(self, path: Path, *, from_start: bool = False) -> None:
        self._path = path
        # What an earlier attempt told is history, unless that is asked for.
        self._place = 0 if from_start or not path.is_file() else path.stat().st_size

    def read(self) -> Iterator[Progress]:
        """What was told since the last call."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                yield _of_line(json.loads(line))
