"""The share of the words in the score of a tuned model, on made-up scores."""

import numpy as np

from pipelines.text.scoring.fusion import fuse
from training.finetune import fusing
from training.finetune.fusing import LEAST, MOST
from training.finetune.whole import vectors_side

QUESTIONS, PASSAGES = 200, 40


def scores(margin, seed):
    """Noise, with the right passage `margin` above it."""
    found = np.random.default_rng(seed).normal(size=(QUESTIONS, PASSAGES))
    found[:, 0] += margin
    return found


def lexical_weight(before, after, words, gold, start):
    """The share that is learned from cosines."""
    return fusing.lexical_weight(side(before), side(after), words, gold, start)


def side(cosines):
    """The vectors' side, where every passage is a candidate."""
    chosen = np.ones(cosines.shape, dtype=bool)
    return vectors_side(cosines, None, chosen, [1.0] * len(cosines))


def mean_reciprocal_rank(cosines, share):
    """That of the right passage, in the first column, in the fused score."""
    fused = np.stack([fuse(*row, share) for row in zip(cosines, WORDS, strict=True)])
    return (1 / (fused >= fused[:, :1]).sum(axis=1)).mean()


GOLD = [np.array([0])] * QUESTIONS
WORDS = np.clip(0.3 + 0.1 * scores(1.5, 0), 0, 1)
BASE = 0.3 + 0.1 * scores(1.5, 1)


def test_the_same_model_keeps_its_share():
    assert lexical_weight(BASE, BASE, WORDS, GOLD, 0.65) == 0.65


def test_a_better_model_counts_more_and_a_worse_one_less():
    better, worse = 0.3 + 0.1 * scores(4, 2), 0.3 + 0.1 * scores(0.5, 3)
    assert LEAST <= lexical_weight(BASE, better, WORDS, GOLD, 0.65) < 0.6
    assert 0.7 < lexical_weight(BASE, worse, WORDS, GOLD, 0.65) <= MOST


def test_few_questions_move_it_little():
    better = 0.3 + 0.1 * scores(4, 2)
    many = lexical_weight(BASE, better, WORDS, GOLD, 0.65)
    few = lexical_weight(BASE[:3], better[:3], WORDS[:3], GOLD[:3], 0.65)
    assert many < few
    assert abs(few - 0.65) < 0.1


def test_a_model_of_another_spread_is_not_taken_for_a_better_one():
    """Cosines that are all twice as far apart order passages as before."""
    assert lexical_weight(BASE, 2 * BASE, WORDS, GOLD, 0.65) == 0.65


def test_a_share_never_moves_to_one_that_is_worse_where_it_was_learned():
    """
    The base ranks nearly all right passages first, the tuned model fewer. The shift between the
    two asks for more of the words, though the tuned model already has more of them than suits it.
    """
    nearly_perfect, good = 0.3 + 0.1 * scores(6, 4), 0.3 + 0.1 * scores(3.5, 5)
    assert mean_reciprocal_rank(good, 0.8) < mean_reciprocal_rank(good, 0.65)
    assert lexical_weight(nearly_perfect, good, WORDS, GOLD, 0.65) == 0.65


def test_a_share_chosen_beyond_the_bounds_is_not_moved_by_them():
    assert lexical_weight(BASE, BASE, WORDS, GOLD, 0.95) == 0.95
