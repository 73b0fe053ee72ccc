"""
Compares two systems question by question: rank changes and their likely causes.

Pure. Works on a stored report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.store.evaluations import QuestionRow
from training.evaluation.figures.causes import Causes

# A lower rank counts as not found, because users see no more passages.
DEEPEST = 10

Kind = Literal["won", "lost", "alike"]


@dataclass(frozen=True)
class Placed:
    """A passage in a list: its id, its score, and whether it answers the question."""

    passage: str
    score: float
    gold: bool


@dataclass(frozen=True)
class Change:
    """
    One question as two systems answer it.

    `before` and `after` are ranks of the first right passage, None beyond `DEEPEST`. `gain` is the
    difference of their reciprocals. `leans` says that the question is hardly clear without its
    passage.
    """

    question: str
    kind: Kind
    before: int | None
    after: int | None
    gain: float
    leans: bool
    relevant: tuple[str, ...]
    old: tuple[Placed, ...]
    new: tuple[Placed, ...]


def worth(rank: int | None) -> float:
    """The contribution of a rank to MRR@10."""
    return 1 / rank if rank is not None and rank <= DEEPEST else 0.0


def changes(questions: Sequence[QuestionRow], old: str, new: str) -> list[Change]:
    """All questions, largest change first, and losses before wins of the same size."""
    found = [_change(question, old, new) for question in questions]
    return sorted(found, key=lambda change: (-abs(change.gain), change.gain))


def _change(row: QuestionRow, old: str, new: str) -> Change:
    before, after = row.results[old]["rank"], row.results[new]["rank"]
    gain = worth(after) - worth(before)
    return Change(
        question=row.question,
        kind="won" if gain > 0 else "lost" if gain < 0 else "alike",
        before=_shown(before),
        after=_shown(after),
        gain=gain,
        leans=row.leans_on_context,
        relevant=tuple(row.relevant),
        old=_listing(row.results[old], row.relevant),
        new=_listing(row.results[new], row.relevant),
    )


def _shown(rank: int | None) -> int | None:
    return rank if rank is not None and rank <= DEEPEST else None


def _listing(result: Mapping[str, Any], relevant: Sequence[str]) -> tuple[Placed, ...]:
    return tuple(Placed(str(p), float(score), p in relevant) for p, score in result["top"])


def count(found: Sequence[Change]) -> dict[Kind, int]:
    """Count wins, losses and unchanged questions."""
    kinds = Counter(change.kind for change in found)
    return {"won": kinds["won"], "lost": kinds["lost"], "alike": kinds["alike"]}


def passages_in(row: QuestionRow) -> set[str]:
    """Ids of all passages in a question's row: right ones and retrieved ones."""
    found = {str(passage) for result in row.results.values() for passage, _ in result["top"]}
    return found | set(row.relevant)


def cause(change: Change, texts: Mapping[str, str], causes: Causes) -> str:
    """
    Guess by simple rules why the answer was lost.

    :param texts: Passages by id. Without the right one, that is the cause given.
    :param causes: Made for the same passages.
    """
    if not all(passage in texts for passage in change.relevant):
        return "the passage is no longer among the documents"
    top = [hit.passage for hit in change.new if hit.passage in texts]
    return causes.likely(change.question, change.relevant, top, leans=change.leans)
