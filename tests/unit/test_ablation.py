"""What a question's rank becomes when a part of the score is left out, by hand."""

import numpy as np
import pytest

from bench.ablation import WHOLE, figures, orders
from bench.fusion_weights import Candidates


def test_each_order_leaves_out_its_part():
    # The right one of three has the phrase, and is met best by tokens, but has the lowest score.
    features = np.array([[0.5, 0.0, 0.0], [0.45, 0.0, 0.08], [0.4, 1.0, 0.1]])
    one = Candidates(features, np.array([False, False, True]))
    ranks = {name: figures([one], weights)["MRR@10"][0] for name, weights in orders(0.65).items()}
    assert ranks[WHOLE] == 1
    assert ranks["without late interaction"] == 1
    # .4 + .35 * 1.7 * .1 = .460, .45 + .35 * 1.7 * .08 = .498, .5
    assert ranks["without phrases"] == pytest.approx(1 / 3)
    assert ranks["without both"] == pytest.approx(1 / 3)


def test_only_the_first_five_are_hits():
    def at(place: int) -> Candidates:
        features = np.array([[1 - 0.1 * n, 0.0, 0.0] for n in range(6)])
        return Candidates(features, np.arange(6) == place)

    assert figures([at(4), at(5)], np.array([1.0, 0.0, 0.0]))["hit@5"] == [1.0, 0.0]
