"""What may be promoted, and what only with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.errors import GateError
from training.evaluation import gate


def _figures(
    outcome: str = "better", questions: int = 200, reference: str = "old", more: int | None = None
) -> Any:
    return {
        "dataset": {"questions": questions},
        "models": [{"identity": reference, "name": "base"}, {"identity": "new", "name": "v1"}],
        "verdicts": [{"model": "v1", "outcome": outcome, "sentence": f"v1 is {outcome}."}],
        "comparisons": [
            {
                "candidate": "v1, hybrid",
                "reference": "base, hybrid",
                "measure": measure,
                "difference": {"more_questions": more},
            }
            for measure, more in (("mrr@10", more), ("hit@5", 7))
        ],
    }


@pytest.mark.parametrize(
    ("figures", "candidate", "allowed", "says"),
    [
        (_figures("better"), "new", True, "better"),
        (_figures("no proof yet"), "new", True, "no proof yet"),
        (_figures("worse"), "new", False, "worse"),
        (None, "new", False, "not evaluated"),
        (None, "old", True, "same model"),
        (_figures(questions=5), "new", False, "5 questions"),
        (_figures(reference="older"), "new", False, "other models"),
        (_figures(), "unknown", False, "other models"),
    ],
)
def test_promotion_asks_for_an_interval_that_is_not_below_zero(
    figures: Any, candidate: str, allowed: bool, says: str
):
    verdict = gate.decide(figures, candidate, "old")
    assert verdict.allowed is allowed
    assert says in verdict.reason
    assert not verdict.overridden


@pytest.mark.parametrize(
    ("count", "gained", "says"),
    [
        (11, True, "Not proved better: 11 questions, at least 20 are needed."),
        (11, False, "Not proved better: 11 questions, at least 20 are needed."),
        (50, False, "Not proved better: no gain on 50 validation questions."),
        (50, True, ""),
    ],
)
def test_few_questions_say_the_same_before_an_evaluation_as_after(
    count: int, gained: bool, says: str
):
    assert gate.before_evaluation(count, gained=gained) == says
    if count < gate.FEWEST_QUESTIONS:
        assert gate.decide(_figures(questions=count), "new", "old").sentence == says


def test_overriding_needs_a_reason_that_is_kept():
    verdict = gate.decide(None, "new", "old", override="the old one is broken")
    assert verdict.allowed
    assert verdict.overridden
    assert "the old one is broken" in verdict.reason
    assert not gate.decide(None, "new", "old", override="  ").allowed
    with pytest.raises(GateError):
        gate.decide(None, "new", "old", override="because")


def test_a_reason_changes_nothing_where_none_is_needed():
    verdict = gate.decide(_figures(), "new", "old", override="just to be sure")
    assert verdict.allowed
    assert not verdict.overridden


@pytest.mark.parametrize(
    ("figures", "advice", "sentence"),
    [
        (_figures("better", 240), "promote", "Ready to serve: better on 240 questions."),
        (_figures("no proof yet", 29, more=330), "wait",
         "Not proved better: 29 questions, about 330 more are needed."),
        (_figures("no proof yet", 1200), "wait",
         "Not proved better: about as good on 1,200 questions."),
        (_figures("better", 12), "wait", "Not proved better: 12 questions, at least 20 are needed."),
        (_figures("worse", 90), "leave", "Worse on 90 questions: do not promote."),
        (None, "compare", "Not compared with the serving version yet."),
    ],
)  # fmt: skip
def test_one_sentence_says_whether_to_promote(figures: Any, advice: str, sentence: str):
    """Every page and command shows this one, so that no two contradict each other."""
    verdict = gate.decide(figures, "new", "old")
    assert (verdict.advice, verdict.sentence) == (advice, sentence)
    assert verdict.better == (advice == "promote")


def test_a_reason_to_promote_without_proof_is_kept():
    """Nothing forbids the promotion, and the audit has its reason."""
    verdict = gate.decide(_figures("no proof yet"), "new", "old", override="wanted for the fair")
    assert verdict.allowed
    assert verdict.overridden
    assert verdict.reason.endswith("Overridden: wanted for the fair")
