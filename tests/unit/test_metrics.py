"""Figures of rankings made by hand."""

from __future__ import annotations

import math

import pytest

from training.evaluation import metrics
from training.evaluation.metrics import Ranked


def _ranking(*passages: str) -> list[Ranked]:
    return [Ranked(passage, 1.0) for passage in passages]


def test_figures_of_one_ranking():
    """The first answer is at rank 2, the second at rank 4. Equal scores keep the given order."""
    values = metrics.per_question({"q": _ranking("x", "a", "y", "b")}, {"q": ["a", "b"]})
    found = {name: column[0] for name, column in values.items()}
    assert found["hit@1"] == 0
    assert found["hit@3"] == found["hit@5"] == 1
    assert found["mrr@10"] == 0.5
    assert found["recall@3"] == 0.5
    assert found["recall@100"] == 1
    assert found["map@100"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    ideal = 1 + 1 / math.log2(3)
    assert found["ndcg@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)


def test_a_question_that_found_nothing_counts_as_zero():
    values = metrics.per_question({"q1": _ranking("a"), "q2": []}, {"q1": ["a"], "q2": ["b"]})
    assert values["mrr@10"] == [1, 0]
    assert metrics.averages(values, [True, True])["hit@1"] == 0.5
    assert metrics.averages(values, [True, False])["hit@1"] == 1
    assert metrics.averages(values, [False, False]) == {}


def test_mrr_looks_no_deeper_than_ten():
    ranking = _ranking(*(f"x{i}" for i in range(10)), "a")
    values = metrics.per_question({"q": ranking}, {"q": ["a"]})
    assert values["mrr@10"] == [0]
    assert metrics.rank_of(ranking, ["a"]) == 11
    assert metrics.rank_of(ranking, ["b"]) is None


def test_fingerprints_see_through_case_and_punctuation():
    assert metrics.fingerprint("What is  EBITDA?") == metrics.fingerprint("what is ebitda")
    assert metrics.fingerprint("What is EBIT?") != metrics.fingerprint("What is EBITDA?")
