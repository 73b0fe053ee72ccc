"""Learning how much the features of the fusion count, on questions made for it."""

import numpy as np
import pytest

from bench.fusion_weights import Candidates, cross_fitted, learn


def question(right, *features):
    places = np.arange(len(features))
    return Candidates(np.array(features, dtype=float), places == right)


def test_reciprocal_ranks_by_hand():
    one = question(2, [0.9], [0.5], [0.7], [0.1])
    assert one.reciprocal_rank(one.features[:, 0]) == pytest.approx(1 / 2)
    assert one.reciprocal_rank(-one.features[:, 0]) == pytest.approx(1 / 3)
    far = question(11, *([1.0 - 0.01 * place] for place in range(12)))
    assert far.reciprocal_rank(far.features[:, 0]) == 0


def test_what_tells_right_candidates_gets_the_weight():
    """The second feature is highest for the right one, the first says nothing, the third is wrong."""
    dice = np.random.default_rng(0)
    every = []
    for number in range(60):
        features = dice.random((4, 3))
        right = number % 4
        features[right, 1] += 0.5
        features[right, 2] -= 0.5
        every.append(Candidates(features, np.arange(4) == right))
    weights = learn(every)
    assert weights[1] > 2 > abs(weights[0])
    assert weights[2] < -2
    unanswered = Candidates(np.ones((4, 3)), np.zeros(4, dtype=bool))
    assert np.allclose(learn([*every, unanswered]), weights)


def test_at_the_learned_weight_the_gradient_is_zero_by_hand():
    """
    One question, one feature that is 1 for the right one of two and 0 for the other. Its deviation is
    1/2, so the loss is log(1 + exp(-2w)) + w²/2 in units of it, which is least where
    w = 2 / (1 + exp(2w)).
    """
    (weight,) = learn([question(0, [1.0], [0.0])])
    scaled = weight * 0.5
    assert scaled == pytest.approx(2 / (1 + np.exp(2 * scaled)), abs=1e-4)


def test_a_question_is_not_ordered_by_what_was_learned_from_its_own_group():
    """Of two groups each would teach the opposite of the other."""
    up = [question(0, [1.0], [0.0])] * 3
    down = [question(1, [1.0], [0.0])] * 3
    assert cross_fitted([*up, *down], [0, 0, 0, 1, 1, 1]) == [0.5] * 6
