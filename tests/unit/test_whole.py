"""The whole retrieval over a run's passages, with numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipelines.search.rerank import LATE_SHARE
from pipelines.text.scoring.late import PieceCounts
from training.finetune.heldout import HIT, NDCG, HeldOut, choose
from training.finetune.negatives import Labels, Retrieval, Windows, training_pairs
from training.finetune.options import TrainOptions
from training.finetune.whole import ABSENT, candidates, fused, vectors_side, words_side


def test_both_sides_propose_candidates():
    """
    Cosines .6, .2, .1: deviation .216, so they are scaled by .1 / .216 = .463 and count .35. Words
    count .65. The scores are .097, .032, and .016 + .65 x .5 = .341.
    """
    cosines, words = np.array([0.6, 0.2, 0.1]), np.array([0.0, 0.0, 0.5])
    assert candidates(cosines, words, 0.65).tolist() == [2, 0, 1]
    assert candidates(cosines, words, 0.0).tolist() == [0, 1, 2]


def test_late_interaction_decides_where_cosines_do_not():
    """
    Cosines alike, MaxSim .5 and .7: 0.1 around their mean of .6, on either side its deviation. The
    second passage leads by 2 x .1 x LATE_SHARE on the vectors' side, and by half of it where the
    question is trusted by half. The third is no candidate.
    """
    cosines, late = np.array([[0.4, 0.4, 0.9]] * 2), np.array([[0.5, 0.7, np.nan]] * 2)
    chosen = np.array([[True, True, False]] * 2)
    side = vectors_side(cosines, late, chosen, [1.0, 0.5])
    assert side[0, 1] - side[0, 0] == pytest.approx(0.2 * LATE_SHARE)
    assert side[1, 1] - side[1, 0] == pytest.approx(0.1 * LATE_SHARE)
    assert side[:, 2].tolist() == [ABSENT, ABSENT]


def test_a_passage_that_is_no_candidate_is_last_under_every_share():
    chosen = np.array([[True, False]])
    vectors = vectors_side(np.zeros((1, 2)), None, chosen, [1.0])
    words = words_side(np.array([[0.0, 1.0]]), np.zeros((1, 2)), chosen, [1.0], late=True)
    for share in (0.0, 0.5, 1.0):
        scores = fused(vectors, words, share)
        assert scores[0, 1] < scores[0, 0]


def test_phrases_count_more_beside_late_interaction():
    """.2 of the words' side without, .2 + .25 x trust with it."""
    lexical, phrases, chosen = np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1), bool)
    without = words_side(lexical, phrases, chosen, [0.4], late=False)
    beside = words_side(lexical, phrases, chosen, [0.4], late=True)
    assert (without[0, 0], beside[0, 0]) == (pytest.approx(0.2), pytest.approx(0.3))


def test_right_passages_are_candidates_and_the_best_ones_fill_up():
    """Three windows each are kept of a candidate, the nearest ones."""
    scores = np.array([[0.1, 0.4, 0.3, 0.2, 0.9, 0.8, 0.0]])
    passage = np.array([0, 0, 0, 0, 1, 2, 3])
    order, gold = [np.array([1, 2, 3, 0])], [np.array([0])]
    chosen, used = choose(scores, passage, order, gold, most=4)
    assert chosen.tolist() == [[True, True, True, True]], "at least five, if there are"
    assert used.tolist() == [1, 2, 3, 4, 5, 6]


def heldout(late: list[list[float]] | None) -> HeldOut:
    """One question that the second of two passages answers, which the words find and vectors do not."""
    return HeldOut(
        questions=["?"],
        gold=[np.array([1])],
        texts=["a", "b"],
        passage=np.array([0, 1]),
        asked=np.array([[1.0, 0.0]], dtype=np.float32),
        vectors=np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32),
        candidates=np.ones((1, 2), dtype=bool),
        words=np.array([[0.1, 0.2]]),
        trust=[1.0],
        share=0.65,
        pieces=PieceCounts.of([]),
        base_late=None if late is None else np.array(late),
    )


def test_a_checkpoint_is_judged_by_the_whole_retrieval():
    """
    Cosines 1 and 0 have the deviation .5, so the wrong passage leads by .1 / .5 x .35 = .07. Words
    give the right one .65 x .1 = .065, which is too little. With MaxSim .1 better it gains
    2 x .1 x LATE_SHARE x .35, and leads. By vectors alone it would be second in both.
    """
    plain, late = heldout(None), heldout([[0.5, 0.6]])
    assert plain.figures(plain.base_side()) == {NDCG: pytest.approx(1 / np.log2(3)), HIT: 1.0}
    assert late.figures(late.base_side()) == {NDCG: 1.0, HIT: 1.0}


class Said:
    """Words that give each passage a score of its own."""

    def __init__(self, scores: list[float]) -> None:
        self._scores = np.array(scores)

    def scores(self, question: str) -> np.ndarray:
        return self._scores


def pairs(words: list[float], cosines: list[float], **options: object) -> list[int]:
    """The candidates of a question about the first passage. Each passage is one window."""
    return all_pairs(words, cosines, [0], [], **options)[0]


def all_pairs(
    words: list[float],
    cosines: list[float],
    right: list[int],
    wrong: list[int],
    also: Sequence[int] = (),
    **options: object,
) -> list[list[int]]:
    """
    The candidates of each pair of a question with right passages, some called wrong, and some that
    repeat what is asked.
    """
    vectors = np.array([[c, np.sqrt(1 - c * c)] for c in cosines], dtype=np.float32)
    count = len(cosines)
    windows = Windows(
        ["w"] * count,
        np.zeros((count, 2), np.int64),
        np.arange(count),
        vectors,
        np.array([[1.0, 0.0]], dtype=np.float32),
    )
    retrieval = Retrieval(None, Said(words), 0.65, [1.0], PieceCounts.of([]))
    labels = Labels(
        [np.array(right)], [np.array([*right, *also])], [np.array(wrong, dtype=np.int64)]
    )
    made = training_pairs(windows, ["?"], labels, retrieval, TrainOptions(**options))
    return made.candidates.tolist()


def test_hard_negatives_are_the_wrong_passages_that_the_whole_search_ranks_best():
    """
    The words put the last two first, which vectors see last. The second passage is nearer than the
    right one by more than the margin, so it may be an answer and is left out.
    """
    words = [0.5, 0.9, *[0.0] * 9, 0.8, 0.7]
    cosines = [0.5, 0.7, *[0.2] * 9, 0.1, 0.1]
    right, *hard = pairs(words, cosines, hard_negatives=8)
    assert right == 0
    assert {11, 12} < set(hard)
    assert 1 not in hard
    assert len(set(hard)) == 8


def test_hard_negatives_are_drawn_by_the_seed_from_the_eight_best():
    words, cosines = [0.5, *np.linspace(0.4, 0.1, 30)], [0.5] * 31
    drawn = {tuple(pairs(words, cosines, seed=seed)[1:]) for seed in range(20)}
    assert len(drawn) > 5
    assert {place for two in drawn for place in two} <= set(range(1, 9))
    assert pairs(words, cosines, seed=3) == pairs(words, cosines, seed=3)


def test_a_pair_without_enough_wrong_passages_is_trained_all_the_same():
    """Its own window stands in, which is no negative of itself."""
    assert pairs([0.5, 0.4], [0.5, 0.4]) in ([0, 1, 0], [0, 0, 1])


def test_what_a_person_called_wrong_is_a_hard_negative_beside_a_searched_one():
    """
    The second passage is nearer than the right one by more than the margin. Searched, it is taken
    for an answer. Called wrong, it is the first hard negative, and the best of the others follows.
    """
    words, cosines = [0.5, 0.9, 0.3, 0.1], [0.5, 0.7, 0.2, 0.1]
    ((_, *searched),) = all_pairs(words, cosines, [0], [])
    ((right, *hard),) = all_pairs(words, cosines, [0], [1])
    assert 1 not in searched
    assert (right, hard[0]) == (0, 1)
    assert hard[1] in (2, 3)


def test_a_passage_that_repeats_what_is_asked_is_neither_learned_nor_a_negative():
    words, cosines = [0.5, 0.9, 0.3, 0.1], [0.5, 0.5, 0.2, 0.1]
    ((right, *hard),) = all_pairs(words, cosines, [0], [], also=[1])
    assert right == 0
    assert set(hard) == {2, 3}
    ((_, *hard),) = all_pairs(words, cosines, [0], [], hard_negatives=3)
    assert set(hard) == {1, 2, 3}


def test_an_answer_is_no_negative_because_somebody_called_it_wrong():
    words, cosines = [0.5, 0.9, 0.3, 0.1], [0.5, 0.7, 0.2, 0.1]
    for right, *hard in all_pairs(words, cosines, [0, 1], [1]):
        assert right in (0, 1)
        assert set(hard) == {2, 3}


def test_more_wrong_passages_than_fit_come_with_the_pair_again():
    """Of two places one is theirs: three of them make three pairs, or are dealt to two answers."""
    words, cosines = [0.5] * 8, [0.5] * 8
    once = all_pairs(words, cosines, [0], [1, 2, 3])
    assert [row[:2] for row in once] == [[0, 1], [0, 2], [0, 3]]
    assert all(row[2] in range(4, 8) for row in once)
    dealt = all_pairs(words, cosines, [0, 4], [1, 2])
    assert [row[:2] for row in dealt] == [[0, 1], [4, 2]]


def test_without_places_there_are_no_hard_negatives():
    """Methods that see all windows anyway have no places, and neither has --hard-negatives 0."""
    assert all_pairs([0.5] * 4, [0.5] * 4, [0], [1], hard_negatives=0) == [[0]]
    assert all_pairs([0.5] * 4, [0.5] * 4, [0], [1], method="adapter") == [[0]]
    assert all_pairs([0.5] * 4, [0.5] * 4, [0], [1], hard_negatives=1) == [[0, 1]]
