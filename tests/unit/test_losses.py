"""Losses over windows, with numbers worked out by hand."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipelines.text.scoring import late
from training.finetune.methods.guide import Guide
from training.finetune.methods.late import TokenWeights, joined, maxsim, with_states
from training.finetune.methods.losses import WindowRankingLoss, corpus_loss

# How similar the base model finds them to (1, 0): 1, 0 and 0.6.
WINDOWS = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]


def guide(
    candidates: list[list[int]],
    gold: list[list[int]],
    *,
    wrong: list[list[int]] | None = None,
    questions: list[list[float]] | None = None,
    windows: list[list[float]] | None = None,
    margin: float = 0.0,
) -> Guide:
    """One pair per question, and one window per passage."""
    return Guide(
        pair_question=torch.arange(len(candidates)),
        candidates=torch.tensor(candidates),
        window_passage=torch.arange(3),
        questions=torch.tensor(questions or [[1.0, 0.0]]),
        windows=torch.tensor(windows or WINDOWS),
        gold=torch.tensor(gold),
        wrong=torch.tensor(wrong or [[-1]] * len(gold)),
        margin=margin,
    )


def over_corpus(chosen: Guide) -> float:
    """The loss of the question (1, 0), whose vectors are still the base model's."""
    question, windows = torch.tensor([[1.0, 0.0]]), torch.tensor(WINDOWS)
    return corpus_loss(question, windows, torch.tensor([0]), chosen, temperature=1.0).item()


def in_batch(chosen: Guide, vectors: list[list[list[float]]], *dimensions: int) -> float:
    """The loss of one batch at temperature 1."""
    loss = WindowRankingLoss(
        nn.Identity(), chosen, temperature=1.0, mini_batch_size=8, dimensions=dimensions
    )
    parts: list[list[Tensor]] = [[torch.tensor(column)] for column in vectors]
    return loss.calculate_loss(parts, torch.arange(len(vectors[0]))).item()


def test_a_window_that_the_base_model_finds_closer_is_a_false_negative():
    """Closer than the positive by more than the margin; an answer by its label is one, too."""
    pair, columns = torch.tensor([0]), torch.arange(3)
    near, far = guide([[0]], [[0]]), guide([[1]], [[1]])
    lenient = guide([[1]], [[1]], margin=0.7)
    assert near.false_negatives(pair, columns).tolist() == [[True, False, False]]
    assert far.false_negatives(pair, columns).tolist() == [[True, True, True]]
    assert lenient.false_negatives(pair, columns).tolist() == [[True, True, False]]


def test_what_a_person_called_wrong_stays_a_negative_however_near_it_is():
    """The base model finds the first window nearest. Unless it is an answer too, it counts."""
    pair, columns = torch.tensor([0]), torch.arange(3)
    told, both = guide([[1]], [[1]], wrong=[[0]]), guide([[1]], [[1, 0]], wrong=[[0]])
    assert told.false_negatives(pair, columns).tolist() == [[False, True, True]]
    assert both.false_negatives(pair, columns).tolist() == [[True, True, True]]
    assert over_corpus(told) == pytest.approx(log(exp(0) + exp(1)))
    assert over_corpus(guide([[1]], [[1]])) == pytest.approx(0.0)


def test_the_corpus_loss_is_minus_the_log_of_the_share_of_right_windows():
    whole = exp(1) + exp(0) + exp(0.6)
    assert over_corpus(guide([[0]], [[0]])) == pytest.approx(log(whole) - 1)
    both = log(whole) - log(exp(1) + exp(0.6))
    assert over_corpus(guide([[0]], [[0, 2]])) == pytest.approx(both)


def test_the_corpus_loss_leaves_out_false_negatives():
    """Without a margin the right window is alone; with one of 0.7 a second one is left."""
    assert over_corpus(guide([[1]], [[1]])) == pytest.approx(0, abs=1e-6)
    assert over_corpus(guide([[1]], [[1]], margin=0.7)) == pytest.approx(log(1 + exp(0.6)))


def test_windows_of_a_batch_are_each_others_negatives():
    """The third window is a hard negative that the base model finds closer to the first question."""
    chosen = guide(
        [[0, 2], [1, 2]],
        [[0], [1]],
        questions=[[1.0, 0.0], [0.0, 1.0]],
        windows=[[0.8, 0.6], [0.0, 1.0], [1.0, 0.0]],
    )
    questions, positives = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]
    first, second = log(exp(1) + 1) - 1, log(exp(1) + 2) - 1
    loss = in_batch(chosen, [questions, positives, [[1.0, 0.0]]])
    assert loss == pytest.approx((first + second) / 2)


def test_a_window_that_questions_share_is_one_column():
    """It is encoded once, and is no negative of itself."""
    chosen = guide([[0], [0]], [[0], [0]], questions=[[1.0, 0.0], [1.0, 0.0]])
    assert in_batch(chosen, [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0]]]) == pytest.approx(0, abs=1e-6)


def test_shorter_vectors_count_as_much_as_the_whole():
    """Of the first dimension alone all vectors are alike."""
    chosen = guide([[0], [1]], [[0], [1]], questions=[[1.0, 0.0], [0.0, 1.0]])
    vectors = [[0.6, 0.8], [0.6, -0.8]]
    whole, prefix = log(exp(1) + exp(-0.28)) - 1, log(2)
    assert in_batch(chosen, [vectors, vectors], 1) == pytest.approx((whole + prefix) / 2)


def test_the_joint_loss_adds_that_of_maxsim_to_that_of_the_vectors():
    """
    Two questions of two tokens, two windows of two tokens, states of two values. The second token of
    the first question counts three times as much as its first.

    MaxSim of the first question: .25 x 1 + .75 x .6 = .7 with its own window, whose second token is
    padding, and .25 x 0 + .75 x 1 = .75 with the other one. Of the second question: 0 with the first
    window, as its only token is at right angles to its only one, and 1 with its own.
    """
    chosen = guide([[0], [1]], [[0], [1]], questions=[[1.0, 0.0], [0.0, 1.0]])
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    asked = torch.tensor([[[1.0, 0.0], [0.6, 0.8]], [[0.0, 2.0], [0.0, 0.0]]])
    windows = torch.tensor([[[1.0, 0.0], [5.0, 5.0]], [[0.0, 1.0], [0.6, 0.8]]])
    shares = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    there = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    weights = TokenWeights(torch.ones(1), state_size=2)
    loss = WindowRankingLoss(
        nn.Identity(), chosen, temperature=1.0, mini_batch_size=8, tokens=weights
    )
    read = [[with_states(vectors, asked, shares)], [with_states(vectors, windows, there)]]
    of_vectors = log(exp(1) + 1) - 1
    first = log(exp(0.7) + exp(0.25 * 0.6 + 0.75)) - 0.7
    second = log(exp(0) + exp(1)) - 1
    expected = of_vectors + (first + second) / 2
    found = loss.calculate_loss(read, torch.arange(2))
    assert found.item() == pytest.approx(expected)


def test_maxsim_of_a_batch_is_what_search_compares_by():
    """The same figure as `late.maxsim` has for one window, whose states are those of its codes."""
    draw = np.random.default_rng(0)
    asked, window = (draw.standard_normal((n, 64)).astype(np.float32) for n in (5, 20))
    window[:5] += 2 * asked
    unit = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    weights = np.array([1.0, 2, 3, 4, 5])
    codes = late.pack(window)
    (searched,), _ = late.maxsim(
        late.QueryTokens(np.arange(5), unit), weights, [codes], np.zeros(1, int), 1
    )
    turned, decoded = unit @ late.rotation(64), late.unpack(codes, 64)
    shares = torch.tensor(weights / weights.sum()).float()[None]
    left = with_states(torch.zeros(1, 0), torch.tensor(turned)[None], shares)
    right = with_states(torch.zeros(1, 0), torch.tensor(decoded)[None], torch.ones(1, 20))
    padded = joined([right, torch.zeros(0, 25 * 64)])
    trained = maxsim(left.view(1, 5, 64), padded.view(1, 25, 64))
    assert trained.item() == pytest.approx(float(searched), abs=1e-5)


def test_tokens_of_a_question_count_by_their_weight_without_special_ones_and_prompt():
    """Ids 0 and 1 are special. The first other token is the prompt's."""
    weights = TokenWeights(torch.tensor([0.0, 0.0, 1.0, 3.0, 4.0]), state_size=2, prompt=1)
    ids = torch.tensor([[0, 4, 2, 3, 1], [0, 4, 3, 1, 1]])
    attention = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
    expected = [[0, 0, 0.25, 0.75, 0], [0, 0, 1, 0, 0]]
    assert weights.shares(ids, attention).tolist() == expected
