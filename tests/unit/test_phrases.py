"""Neighbouring words of a question in passages, with numbers worked out by hand."""

import numpy as np

from pipelines.text.scoring.phrases import MOST_TERMS, shares

WEIGHTS = {"net": 2.0, "loss": 3.0, "per": 1.0, "share": 4.0}


def test_the_share_of_a_questions_pairs_by_hand():
    """Pairs weigh net+loss 5, loss+per 4, per+share 5: 14 in all."""
    passages = [
        ("The net loss per share rose.", "en"),
        ("A share of the net losses", "en"),  # stems are compared: losses is loss
        ("The share price and the loss are net of tax per year.", "en"),
        ("", "en"),
    ]
    found = shares("net loss per share", passages, WEIGHTS, unknown=9.0)
    assert np.allclose(found, [14 / 14, 5 / 14, 0, 0])


def test_a_word_that_no_passage_holds_counts_as_the_rarest():
    """Pairs weigh net+loss 5, loss+xylophone 3+9."""
    found = shares("net loss xylophone", [("the net loss", "en")], WEIGHTS, unknown=9.0)
    assert np.allclose(found, [5 / 17])


def test_passages_are_compared_in_their_own_language():
    """German stems make one word of Häuser and Haus, English ones do not."""
    passages = [("alte Häuser", "de"), ("alte Häuser", "en")]
    assert shares("altes Haus", passages, {}, unknown=1.0).tolist() == [1, 0]


def test_questions_of_one_word_and_long_pastes():
    assert shares("loss", [("loss loss", "en")], WEIGHTS, unknown=1.0).tolist() == [0]
    paste = " ".join(f"w{n}" for n in range(10 * MOST_TERMS))
    both_ends = "w0 w1 and w638 w639"
    found = shares(paste, [(both_ends, None), ("w300 w301", None)], {}, unknown=1.0)
    assert np.allclose(found, [2 / (MOST_TERMS - 2), 0])
