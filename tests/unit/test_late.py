"""Late interaction with numbers worked out by hand: codes, MaxSim, and the weights of pieces."""

import numpy as np
import pytest

from pipelines.embedder.model_files import bundled_model
from pipelines.embedder.tokens import TokenCounter, tokenizer_file
from pipelines.text.scoring import late
from pipelines.text.scoring.late import PieceCounts, QueryTokens

# The share of a normal value that its code of 2 bits loses (Max 1960), as the square of the error.
LOST = 0.1175


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def states(count, dimension, seed=0):
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def coded(rotated):
    """Codes of states that are given as they are after the rotation."""
    return late.pack(np.asarray(rotated, dtype=np.float32) @ late.rotation(len(rotated[0])).T)


@pytest.mark.parametrize("dimension", [8, 48, 384])
def test_a_rotation_keeps_products_and_is_always_the_same(dimension):
    turned = late.rotation(dimension)
    assert np.allclose(turned @ turned.T, np.eye(dimension), atol=1e-5)
    again = late.rotation.__wrapped__(dimension)
    assert np.array_equal(turned, again)


def test_codes_of_four_values_by_hand():
    """The bounds are at 0 and 0.98 deviations, and a deviation is 1/2 with four values."""
    codes = coded([[0.8, 0.4, -0.4, -0.2]])  # 1.6, 0.8, -0.8 and -0.4 deviations
    assert codes == bytes([0b01_01_10_11])
    expected = unit(np.array([[1.5104, 0.4528, -0.4528, -0.4528]]))
    assert np.allclose(late.unpack(codes, 4), expected, atol=1e-6)


@pytest.mark.parametrize("dimension", [6, 36, 384])
def test_codes_take_two_bits_a_value_and_can_be_cut_between_tokens(dimension):
    rows = states(50, dimension)
    codes = late.pack(rows)
    width = late.row_bytes(dimension)
    assert width == -(-dimension // 4)
    assert len(codes) == 50 * width
    assert codes[: 20 * width] == late.pack(rows[:20])
    assert codes[20 * width :] == late.pack(7 * rows[20:])  # the length of a state does not matter
    assert late.unpack(codes, dimension).shape == (50, dimension)


def test_what_a_code_loses_is_what_the_best_four_levels_lose():
    """A cosine of sqrt(1 - lost) with what was encoded."""
    rows = states(400, 384)
    decoded = late.unpack(late.pack(rows), 384)
    cosines = (decoded * (unit(rows) @ late.rotation(384))).sum(axis=1)
    assert cosines.mean() == pytest.approx(np.sqrt(1 - LOST), abs=0.002)
    assert cosines.min() > 0.9


def test_maxsim_by_hand():
    """
    Eight values that are all one level decode without loss.

    With a token against each window's two the cosines are 1 and 0, 0.5 and -1 in the first chunk.
    """
    a = np.array([1, 1, 1, 1, 1, 1, 1, 1]) / np.sqrt(8)
    b = np.array([1, -1, 1, -1, 1, -1, 1, -1]) / np.sqrt(8)
    c = np.array([1, 1, 1, 1, -1, -1, -1, -1]) / np.sqrt(8)
    half = np.array([1, 1, 1, 1, 1, 1, -1, -1]) / np.sqrt(8)  # a 0.5, b 0, c 0.5
    turned_back = np.stack([a, b]) @ late.rotation(8).T
    query = QueryTokens(np.array([5, 9]), turned_back.astype(np.float32))
    windows = [coded([half, -a]), coded([b, c]), coded([a, c]), b"", coded([-b, -b])]
    best, together = late.maxsim(
        query, np.array([3.0, 1.0]), windows, np.array([1, 1, 0, 0, 3]), chunks=4
    )
    # Chunk 0: a 1, b 0. Chunk 1: its windows have (0.5, 0) and (0, 1). Chunk 3: (0, -1).
    assert np.allclose(best, [0.75, 0.375, np.nan, -0.25], equal_nan=True, atol=1e-5)
    assert np.allclose(together, [0.75, 0.625, np.nan, -0.25], equal_nan=True, atol=1e-5)


def test_parts_of_a_passage_by_hand():
    """
    Two windows of "aa bb cc" overlap in "bb". Each has a token at its beginning and its end.

    The first token of the question weighs 3 and meets "aa" by 1 and "bb" by 0.5, the second meets
    "bb" by 1 in the second window alone.
    """
    a = np.array([1, 1, 1, 1, 1, 1, 1, 1]) / np.sqrt(8)
    b = np.array([1, -1, 1, -1, 1, -1, 1, -1]) / np.sqrt(8)
    half = np.array([1, 1, 1, 1, 1, 1, -1, -1]) / np.sqrt(8)  # a 0.5, b 0
    turned_back = np.stack([a, b]) @ late.rotation(8).T
    query = QueryTokens(np.array([5, 9]), turned_back.astype(np.float32))
    windows = [
        (coded([a, a, half, a]), np.array([[0, 2], [3, 5]])),
        (coded([a, b, -a, a]), np.array([[3, 5], [6, 8]])),
        (coded([a, a]), np.zeros((0, 2), dtype=np.int64)),
    ]
    spans = [(0, 2), (3, 5), (0, 5), (6, 8), (9, 12)]
    scores = late.of_spans(query, np.array([3.0, 1.0]), windows, spans)
    assert np.allclose(scores, [0.75, 0.625, 1.0, -0.75, np.nan], equal_nan=True, atol=1e-5)


def test_a_prompt_before_the_text_of_a_window_is_no_part_of_it():
    """Its tokens stand between the first one and those of the text."""
    rows = states(6, 8)  # the first token, two of a prompt, two of the text, the last one
    query = QueryTokens(np.array([1]), rows[3:4])
    places = np.array([[0, 4], [5, 9]])
    spans = [(0, 4), (5, 9)]
    found = late.of_spans(query, np.ones(1), [(late.pack(rows), places)], spans)
    without = late.pack(rows[[0, 3, 4, 5]])
    assert np.array_equal(found, late.of_spans(query, np.ones(1), [(without, places)], spans))
    assert found[0] == found.max()
    cut = [(late.pack(rows[:2]), places)]  # fewer tokens than the text has
    assert np.isnan(late.of_spans(query, np.ones(1), cut, spans)).all()


def test_a_question_without_tokens_or_codes_scores_nothing():
    nothing = QueryTokens(np.zeros(0, dtype=np.int64), np.zeros((0, 8), dtype=np.float32))
    one = QueryTokens(np.array([1]), states(1, 8))
    codes = [late.pack(states(3, 8))]
    for query, held in ((nothing, codes), (one, [b""]), (one, [])):
        chunk = np.zeros(len(held), dtype=np.int64)
        for scores in late.maxsim(query, np.ones(len(query.ids)), held, chunk, 1):
            assert np.isnan(scores).all()


def test_of_a_long_question_the_tokens_that_weigh_most_are_compared():
    many = late.MOST_TOKENS + 40
    query = QueryTokens(np.arange(many), unit(states(many, 8)))
    weights = np.ones(many)
    weights[:40] = 1e-9
    held = late.pack(query.states[40:])
    best, _ = late.maxsim(query, weights, [held], np.array([0]), 1)
    alone = QueryTokens(query.ids[40:], query.states[40:])
    assert best == pytest.approx(late.maxsim(alone, weights[40:], [held], np.array([0]), 1)[0])


def test_the_ids_of_a_text_are_those_of_the_vocabulary():
    counter = TokenCounter(tokenizer_file(bundled_model()))
    harbour, of_two = counter.ids(["harbour", "the harbour"])
    assert len(harbour) == 1
    assert of_two.tolist() == [*counter.ids(["the"])[0], *harbour]
    assert len(counter.offsets(["the harbours"])[0]) == len(counter.ids(["the harbours"])[0])


def test_the_weights_of_pieces_by_hand():
    """Piece 3 is in both windows, piece 1 in one, and pieces 2 and 99 in none."""
    counts = PieceCounts.of([np.array([3, 1, 3]), np.array([3])])
    assert counts.windows == 2
    expected = np.log1p([0.5 / 2.5, 1.5 / 1.5, 2.5 / 0.5, 2.5 / 0.5])
    assert np.allclose(counts.weights(np.array([3, 1, 2, 99])), expected)
    assert np.allclose(PieceCounts.of([]).weights(np.array([3, 0])), np.log(2))
