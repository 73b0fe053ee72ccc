"""Several comparisons of two versions counted together, with numbers worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.store.evaluations import Evaluation, QuestionRow
from pipelines.store.ids import EvaluationId
from training.evaluation import gate
from training.evaluation.evidence import pool
from training.evaluation.figures.statistics import Difference
from training.evaluation.gate import Evidence

NAMES = {"old": "base", "new": "v1"}


def comparison(number: int, *, dataset: str = "corpus", sha256: str = "") -> Evaluation:
    models = [{"identity": key, "name": name} for key, name in NAMES.items()]
    return Evaluation(
        EvaluationId(number), dataset, sha256 or str(number), list(NAMES), "", {"models": models},
        "test", datetime.now(UTC),
    )  # fmt: skip


def asked(question: str, passage: str, old: int | None, new: int | None) -> QuestionRow:
    ranks = {"base, hybrid": {"rank": old}, "v1, hybrid": {"rank": new}}
    return QuestionRow(question, False, [passage], ranks)


def test_each_question_counts_once_by_its_newest_comparison():
    """
    Gains: 1 - 1/2, 1/2 - 0, and 1/4 - 1. Rank 11 is too deep to count. What the older comparison
    said of the first question is left out.
    """
    newer = [asked("First?", "a", 2, 1), asked("Second?", "b", 11, 2)]
    older = [asked("first", "a", 1, None), asked("Third?", "c", 1, 4)]
    found = pool([(comparison(2), newer), (comparison(1), older)], "new", "old")
    assert (found.questions, found.comparisons) == (3, 2)
    assert found.difference.mean == pytest.approx((0.5 + 0.5 - 0.75) / 3)


def test_the_newest_alone_is_no_pool():
    rows = [asked("First?", "a", 2, 1)]
    assert pool([(comparison(2), rows), (comparison(1), rows)], "new", "old") is None


def test_questions_on_one_passage_stay_together_across_comparisons():
    """
    A passage of the documents is the same in both, so all four questions are one cluster, whose mean
    cannot vary. Passages of two files only have the same name, and vary.
    """
    first = [asked(f"{n}?", "p", 2, 1) for n in "ab"]
    second = [asked(f"{n}?", "p", 1, 2) for n in "cd"]
    same = pool([(comparison(2), first), (comparison(1), second)], "new", "old")
    files = [(comparison(n, dataset="q.json"), rows) for n, rows in ((2, first), (1, second))]
    apart = pool(files, "new", "old")
    assert same.difference.high == same.difference.low == pytest.approx(0)
    assert apart.difference.low < 0 < apart.difference.high


def figures(outcome: str, questions: int = 60) -> Any:
    return {
        "dataset": {"questions": questions},
        "models": [{"identity": key, "name": name} for key, name in NAMES.items()],
        "verdicts": [{"model": "v1", "outcome": outcome, "sentence": f"v1 is {outcome}."}],
        "comparisons": [],
    }


def evidence(outcome: Any, questions: int = 140, more: int | None = None) -> Evidence:
    return Evidence(questions, 2, Difference(0.02, 0.01, 0.03, 0.01, outcome, more))


@pytest.mark.parametrize(
    ("pooled", "allowed", "says"),
    [
        (evidence("better"), True, "Ready to serve: better on 140 questions of 2 comparisons"),
        (evidence("worse"), False, "Worse on 140 questions of 2 comparisons together"),
        (evidence("no proof yet"), True, "2 comparisons together: about as good."),
        (evidence("no proof yet", more=90), True, "about 90 more are needed"),
    ],
)
def test_several_comparisons_decide_where_the_newest_proves_nothing(pooled, allowed, says):
    verdict = gate.decide(figures("no proof yet"), "new", "old", pooled=pooled)
    assert verdict.allowed is allowed
    assert says in verdict.sentence
    assert "MRR@10 +0.020, 95% interval +0.010 to +0.030" in verdict.reason
    assert verdict.better is (pooled.difference.outcome == "better")


def test_what_the_newest_proves_stands():
    """Neither is a proof overruled, nor are too few questions enough because there are two lots."""
    for outcome in ("better", "worse"):
        alone = gate.decide(figures(outcome), "new", "old")
        assert gate.decide(figures(outcome), "new", "old", pooled=evidence("worse")) == alone
    few = gate.decide(figures("better", 9), "new", "old", pooled=evidence("better", 19))
    assert "9 questions, at least 20 are needed" in few.sentence
    enough = gate.decide(figures("better", 9), "new", "old", pooled=evidence("better", 29))
    assert enough.better
