"""The result of an evaluation: figures, differences, and verdicts in words. Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.dataset import DatasetFacts
from training.evaluation.figures.statistics import Difference, Interval, Outcome, words
from training.evaluation.metrics import COMPARED, Ranked
from training.evaluation.rankings import Mode, Rules, Timings

# The two that take no model: plain BM25, as libraries have it, and the search's own words.
BM25, WORDS = "BM25", "words alone"
WITHOUT_MODEL: dict[Mode, str] = {"bm25": BM25, "words": WORDS}
LABELS: dict[Mode, str] = {
    "whole": "whole passages",
    "windows": "windows",
    "hybrid": "hybrid",
}
# The measure of verdicts, fixed before anything is measured: MRR of the search that users have.
DECIDING: tuple[Mode, str] = ("hybrid", COMPARED[0])


def system_name(model: str, mode: Mode) -> str:
    """What a way to search is called: the model and what it is given, if it takes a model."""
    return WITHOUT_MODEL.get(mode) or f"{model}, {LABELS[mode]}"


@dataclass(frozen=True)
class ModelFacts:
    """Properties and costs of a model. `tokens_paid` and `dollars` are those of this evaluation."""

    name: str
    identity: str
    kind: str
    dimension: int
    size_mb: float
    rules: Rules
    timings: Timings
    tokens_paid: int | None
    dollars: float | None
    texts_from_cache: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class System:
    """A system and its figures on all questions, and without those that lean on their context."""

    name: str
    model: str | None
    mode: Mode
    figures: dict[str, float]
    without_leaning: dict[str, float]
    intervals: dict[str, Interval]


@dataclass(frozen=True)
class Comparison:
    """The difference of two systems in one measure on the same questions."""

    candidate: str
    reference: str
    measure: str
    difference: Difference


@dataclass(frozen=True)
class ModelVerdict:
    """Whether a model is better than the reference with the search that users have."""

    model: str
    reference: str
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class General:
    """Figures on general questions, which show what tuning forgot. Differences are of MRR@10."""

    dataset: DatasetFacts
    figures: dict[str, dict[str, float]]
    differences: dict[str, Difference]


@dataclass(frozen=True)
class Result:
    """
    One system's result for one question: rank of the first right passage, and the best passages.
    """

    rank: int | None
    top: tuple[Ranked, ...]


@dataclass(frozen=True)
class QuestionResult:
    """One question with the results of every system."""

    id: str
    question: str
    leans_on_context: bool
    relevant: tuple[str, ...]
    results: dict[str, Result]


@dataclass(frozen=True)
class EvaluationReport:
    """One complete evaluation. The first model is the reference."""

    dataset: DatasetFacts
    models: tuple[ModelFacts, ...]
    systems: tuple[System, ...]
    comparisons: tuple[Comparison, ...]
    verdicts: tuple[ModelVerdict, ...]
    general: General
    beside: dict[str, tuple[str, float]]
    questions: tuple[QuestionResult, ...]
    seconds: float
    created_at: str

    @property
    def verdict(self) -> str:
        """The verdicts as one text. Without a second model, a note on whose figures these are."""
        if not self.verdicts:
            return f"Figures of {self.models[0].name} alone; nothing to compare with."
        return " ".join(verdict.sentence for verdict in self.verdicts)

    def system(self, name: str) -> System:
        """The system with this name."""
        return next(system for system in self.systems if system.name == name)

    def compared(self, candidate: str, reference: str, measure: str) -> Difference:
        """The difference of two systems in one measure."""
        return find(self.comparisons, candidate, reference, measure)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        value = asdict(self) | {"verdict": self.verdict}
        for question in value["questions"]:
            for result in question["results"].values():
                result["top"] = [[hit["passage"], hit["score"]] for hit in result["top"]]
        return value


def find(
    comparisons: Sequence[Comparison], candidate: str, reference: str, measure: str
) -> Difference:
    """The difference of two systems in one measure."""
    key = (candidate, reference, measure)
    return next(c.difference for c in comparisons if (c.candidate, c.reference, c.measure) == key)


def verdict_of(model: str, reference: str, comparisons: Sequence[Comparison]) -> ModelVerdict:
    """
    The verdict on a model by the search that users have. Its sentence also compares the vectors
    alone.
    """
    mode, measure = DECIDING
    whole = find(comparisons, system_name(model, mode), system_name(reference, mode), measure)
    alone = find(
        comparisons, system_name(model, "windows"), system_name(reference, "windows"), measure
    )
    sentence = (
        f"{model} against {reference}, as users search: {_said(whole)}; "
        f"its vectors alone: {_said(alone)}."
    )
    return ModelVerdict(model, reference, whole.outcome, sentence)


def better_side(model: str, comparisons: Sequence[Comparison]) -> tuple[str, Difference] | None:
    """
    The side of the search that alone ranks better than the whole, beyond chance.

    :returns: Its name, and the difference of the whole search from it. None if there is none.
    """
    mode, measure = DECIDING
    whole = system_name(model, mode)
    sides = {"its vectors alone": system_name(model, "windows"), "its words alone": WORDS}
    found = {name: find(comparisons, whole, system, measure) for name, system in sides.items()}
    worse = [(name, found[name]) for name in found if found[name].outcome == "worse"]
    return min(worse, key=lambda side: side[1].mean, default=None)


def _said(difference: Difference) -> str:
    return (
        f"{words(difference)} (MRR@10 {difference.mean:+.3f},"
        f" 95% interval {difference.low:+.3f} to {difference.high:+.3f})"
    )
