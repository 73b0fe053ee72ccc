"""The threshold of an index, decided from confidences worked out by hand."""

from __future__ import annotations

import pytest

from pipelines.search.threshold import decide

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
