"""One progress bar with a remaining time over all models and steps of an evaluation."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipelines.progress import Progress, Task
from training.evaluation.dataset import Dataset

PERCENT = 100
# Characters of a window that is embedded, and of a whole passage that is read at most.
WINDOW_CHARS, PASSAGE_CHARS = 400, 1000
# Costs of steps, in embedded windows.
QUESTION, SEARCH, LOADING, FIGURES = 0.3, 0.2, 20.0, 5.0
# The remaining time is shown when this share is done.
ENOUGH = 0.02


def costs(dataset: Dataset, general: Dataset, *, whole: bool) -> dict[str, float]:
    """
    The steps of one model in order, with the cost of each.

    :param whole: Whole passages are ranked, too.
    """
    questions = len(dataset.queries)
    return {
        "loading": LOADING,
        "indexing": sum(1 + len(text) // WINDOW_CHARS for text in dataset.corpus.values()),
        "embedding the questions": 2 * QUESTION * questions,
        "searching": 3 * SEARCH * questions,
        **({"whole passages": _whole(dataset)} if whole else {}),
        "general questions": _whole(general),
        "figures": FIGURES,
    }


def _whole(dataset: Dataset) -> float:
    read = sum(min(len(text), PASSAGE_CHARS) for text in dataset.corpus.values())
    return 1 + read / WINDOW_CHARS + QUESTION * len(dataset.queries)


class ComparisonMeter:
    """Reports the progress of an evaluation in percent. It never goes back."""

    def __init__(
        self,
        task: Task,
        models: Sequence[str],
        dataset: Dataset,
        general: Dataset,
        *,
        whole: bool = False,
    ) -> None:
        self._task = task
        self._models = list(models)
        self._costs = costs(dataset, general, whole=whole)
        self._one = sum(self._costs.values())
        self._began = time.monotonic()
        # Done before this attempt began, so it says nothing about the time for the rest.
        self._given = 0.0
        self._stage = ""
        self._base = self._cost = self._at = self._before = 0.0
        self._last = (0, 0)

    def begin(self, model: str, step: str) -> None:
        """Begin a step of a model."""
        self._enter(model, step)
        self._show(0.0)

    def skip(self, model: str, step: str) -> None:
        """Count a step that an earlier attempt has finished."""
        self._enter(model, step)
        self._given += self._cost
        self._show(1.0)

    def embedding(self) -> Task:
        """The task for embedding texts in a step. A step may embed several lots."""
        return self._task.telling(lambda told: self._texts(told.done, told.total))

    def steps_of(self, model: str) -> Task:
        """The task that begins a model's steps, each reported by its name."""
        return self._task.telling(lambda told: self.begin(model, told.stage))

    def _texts(self, done: int, total: int) -> None:
        if done < self._last[0] or total != self._last[1]:
            self._before += self._last[0]
        self._last = (done, total)
        self._show((self._before + done) / max(self._cost, self._before + total))

    def _enter(self, model: str, step: str) -> None:
        name = step.partition(":")[0]
        names = list(self._costs)
        place = names.index(name)
        self._stage = f"{model}: {step}"
        self._cost = self._costs[name]
        earlier = sum(self._costs[one] for one in names[:place])
        self._base = self._models.index(model) * self._one + earlier
        self._before, self._last = 0.0, (0, 0)

    def _show(self, share: float) -> None:
        everything = self._one * len(self._models)
        self._at = max(self._at, self._base + share * self._cost)
        done, left = self._at - self._given, everything - self._at
        spent = time.monotonic() - self._began
        eta_s = spent / done * left if done > ENOUGH * (everything - self._given) else None
        percent = min(PERCENT - 1, int(PERCENT * self._at / everything))
        self._task.tell(Progress(self._stage, percent, PERCENT, None, eta_s))
