"""One bar over all stages of an improvement, with one time left."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pipelines.progress import Progress, Task

WEIGHING = "seeing what there is to gain"
# In order, with their names. Measuring how long training takes is short.
NAMES = {
    "pairs": "making pairs",
    "measure": WEIGHING,
    "weigh": WEIGHING,
    "train": "training",
    "compare": "comparing",
    "promote": "promoting",
}
STEPS = ("pairs", "weigh", "train", "compare", "promote")
PERCENT = 100
# Of training: embedding comes before.
EMBEDDING = 0.2
# Of promoting: what is done when a step of it begins.
_PROMOTED = (
    ("loading everywhere", 0.85, 0.93),
    ("proving", 0.93, 1.0),
    ("ready", 0.85, 0.85),
    ("graph", 0.7, 0.8),
    ("loading", 0.0, 0.02),
    ("accelerating", 0.02, 0.1),
)


class Bar:
    """
    Tells how far the whole improvement is, in percent.

    Each stage has a share by the seconds that it is expected to take. The bar never goes back.
    """

    def __init__(self, task: Task, expected: Mapping[str, float]) -> None:
        self._task = task
        self._expected = {name: max(1.0, expected.get(name, 1.0)) for name in NAMES}
        self._all = sum(self._expected.values())
        self._percent = 0.0
        self._stage, self._began = "", time.monotonic()

    def stage(self, name: str) -> Task:
        """The whole as one stage of it sees it: what it tells moves the bar within its share."""

        def tell(told: Progress) -> None:
            left = told.eta_s
            if left is not None and told.stage == "embedding":
                left += (1 - EMBEDDING) * self._expected[name]
            self._show(name, _share(name, told), left)

        return self._task.telling(tell)

    def compare_and_promote(self) -> Task:
        """The same for the two last ones, which are one call: a comparison names the model first."""

        def tell(told: Progress) -> None:
            if ": " in told.stage:
                self._show("compare", _share("compare", told), told.eta_s)
            else:
                self._show("promote", _within(_PROMOTED, told.stage, told), told.eta_s)

        return self._task.telling(tell)

    def _show(self, name: str, share: float, eta_s: float | None) -> None:
        if name != self._stage:
            self._stage, self._began = name, time.monotonic()
        order = list(NAMES)
        place = order.index(name)
        before = sum(self._expected[one] for one in order[:place])
        after = sum(self._expected[one] for one in order[place + 1 :])
        mine = self._expected[name]
        percent = PERCENT * (before + share * mine) / self._all
        self._percent = min(99.0, max(self._percent, percent))
        left = self._left(share, mine) if eta_s is None else eta_s
        step = STEPS.index("weigh" if name == "measure" else name) + 1
        words = f"step {step} of {len(STEPS)}, {NAMES[name]}"
        self._task.tell(Progress(words, int(self._percent), PERCENT, None, left + after))

    def _left(self, share: float, expected: float) -> float:
        """Seconds left of a stage: by what was expected at first, then by how it goes."""
        spent = time.monotonic() - self._began
        if share < 0.1:
            return max(expected * (1 - share), 0.0)
        return spent / share * (1 - share)


def _share(name: str, told: Progress) -> float:
    """How much of a stage is done."""
    share = min(1.0, told.done / told.total) if told.total else 0.0
    if name != "train":
        return share
    if told.stage == "embedding":
        return EMBEDDING * share
    return 1.0 if told.stage == "trained" else EMBEDDING + (1 - EMBEDDING) * share


def _within(steps: tuple[tuple[str, float, float], ...], step: str, told: Progress) -> float:
    """How much is done when a step is so far."""
    share = min(1.0, told.done / told.total) if told.total else 0.0
    for name, begin, end in steps:
        if step.startswith(name):
            return begin + share * (end - begin)
    return 0.1 + 0.6 * share
