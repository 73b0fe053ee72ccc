"""The threshold of an index, decided from confidences worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.answering.extracts.answerable import answers, may_answer
from pipelines.search import evidence
from pipelines.search.threshold import decide
from pipelines.store.hits import Hit

OWN = [0.2, 0.4, 0.8, 0.9, 1.0]  # the median is 0.8: the bounds are 0.44 and 0.52


@pytest.mark.parametrize(
    ("elsewhere", "threshold"),
    [
        ([0.1, 0.48, 0.5, 0.6, 0.7], 0.48),  # the lower quartile of five is the second
        ([0.1, 0.2, 0.5, 0.6, 0.7], 0.44),
        ([0.6, 0.7, 0.7, 0.8, 0.9], 0.52),
        ([0.6, 0.7, 0.7, 0.8], 0.44),  # too few to tell
    ],
)
def test_the_lower_quartile_elsewhere_is_held_between_shares_of_the_own(elsewhere, threshold):
    assert decide(OWN, elsewhere) == pytest.approx(threshold)


def test_too_few_questions_decide_nothing():
    assert decide(OWN[:4], OWN) is None


@pytest.mark.parametrize(
    ("text", "other"),
    [("Income 2021: 4,610", True), ("Income 2017: 4,610", False), ("Income 2016/17", False), ("Income", False)],
)  # fmt: skip
def test_passages_of_others_are_known(text, other):
    """A year of which no passage tells, beside passages that tell of others."""
    hit = Hit(
        chunk_id=1, document_id=1, title="t", source="s", collection="c", page=None, heading=None,
        text=text, language="en", score=1.0, dense=0.5, lexical=0.5, window_start=0, window_end=1,
    )  # fmt: skip
    assert evidence.weigh("What was the income in 2017?", [hit]).of_others is other


def test_numbers_of_clauses_are_codes():
    """A passage that holds one counts as naming it. A year is none."""
    assert evidence.codes("What does clause 3.2 say of 2021?") == ("3.2",)


BATTERY = "How do I replace the battery of the press?"


def passage(text, **weights):
    return Hit(
        chunk_id=1, document_id=1, title="t", source="s", collection="c", page=None, heading=None,
        text=text, language="en", score=1.0, dense=0.5, lexical=0.5, window_start=0, window_end=1,
        weights=weights,
    )  # fmt: skip


@pytest.mark.parametrize(("battery", "held"), [(6.0, False), (3.0, True)])
def test_the_rarest_word_of_a_question_is_held_or_not(battery, held):
    hit = passage("Replace the seal of the press.", batteri=battery, press=4.0, replac=2.0)
    assert evidence.weigh(BATTERY, [hit]).rarest is held


@pytest.mark.parametrize(
    ("text", "fit", "enough"),
    [
        ("# Press\n\nThe battery of the press is replaced every year.", 0.5, True),
        ("# Press\n\nThe battery of the press is replaced every year.", 0.3, False),
        ("# Press\n\nThe seal of the press is replaced every year.", 0.5, False),
        ("# Press\n\nThe seal of the press is replaced every year.", 1.0, True),
    ],
)
def test_a_passage_that_fits_little_answers_if_it_holds_the_rarest_word(text, fit, enough):
    hit = passage(text, batteri=6.0, press=4.0, replac=2.0)
    weighed = evidence.weigh(BATTERY, [hit])
    assert answers(fit, weighed, BATTERY, [hit]) is enough


@pytest.mark.parametrize(
    ("fit", "meets", "may"),
    [(0.7, 0.5, True), (0.7, 0.3, False), (0.5, 0.5, False), (1.2, 0.5, False), (None, 0.5, True)],
)
def test_passages_that_a_question_meets_may_answer_where_the_fit_does_not_tell(fit, meets, may):
    """The fit is unknown where there is too little text. It is surely enough from 1 on."""
    hit = passage("# Press\n\nThe seal of the press is replaced every year.", press=4.0)
    weighed = evidence.weigh("When is the press looked after?", [hit])

    def met(_, spans):
        return np.full(len(spans), meets)

    assert may_answer(fit, weighed, [hit], met) is may
    assert not may_answer(fit, weighed, [hit], None)
