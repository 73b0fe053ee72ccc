"""The effect of a new version on the questions that people voted on. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.store.evaluations import QuestionRow
from training.evaluation.figures.comparison import DECIDING, system_name
from training.pairs.quality import digest

DEPTH = 10


@dataclass(frozen=True)
class Moved:
    """MRR@10 of two versions on the same questions, as users search."""

    reference: str
    model: str
    questions: int
    before: float
    after: float

    @property
    def sentence(self) -> str:
        """The two figures and their difference in words."""
        noun = "question" if self.questions == 1 else "questions"
        return (
            f"{self.questions} held-out {noun} that people voted on: MRR@{DEPTH}"
            f" {self.after - self.before:+.3f} from {self.reference} to {self.model}"
            f" ({self.before:.3f} to {self.after:.3f})."
        )


def moved(
    figures: Mapping[str, Any], rows: Sequence[QuestionRow], wanted: Collection[str]
) -> list[Moved]:
    """
    Compare each model of an evaluation with its first one, on some of the questions.

    :param wanted: Sums of these questions by `quality.digest`.
    :returns: Empty if there is nothing to compare, or none of them was asked.
    """
    reference, *others = [model["name"] for model in figures["models"]]
    asked = [row for row in rows if digest(row.question) in wanted]
    if not asked:
        return []
    before = _mrr(asked, reference)
    return [Moved(reference, name, len(asked), before, _mrr(asked, name)) for name in others]


def _mrr(rows: Sequence[QuestionRow], model: str) -> float:
    system = system_name(model, DECIDING[0])
    ranks: list[int | None] = [row.results[system]["rank"] for row in rows]
    return sum(1 / rank for rank in ranks if rank and rank <= DEPTH) / len(ranks)
