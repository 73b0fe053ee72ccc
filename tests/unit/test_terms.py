"""The terms of a text, which lexical search counts."""

import random

import pytest

from pipelines.text.terms import says_something, terms


def test_plain_ascii_is_cut_like_any_other_text():
    """ASCII text has a faster path. An accent at its end sends the same text the other way."""
    dice = random.Random(0)
    texts = ["".join(dice.choices("abXY019_.,' \n-/'\"", k=60)) for _ in range(2000)]
    for text in [*texts, "1,234.5 of 1.234,5 and 0'5 in v1.2_b", "don't re-use A.B.C. 3.14.15"]:
        assert terms(text, "en") == terms(f"{text} é", "en")[:-1]
        assert terms(text.upper(), None) == terms(text, None)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("the of and", False), ("What is it?", False), ("WHAT IS IT?", False), ("???", False),
        ("What is IT?", True), ("K-53?", True), ("Wer war das?", True), ("什么", True),
        ("And the fee?", True),
    ],
)  # fmt: skip
def test_a_question_says_something_by_a_word_that_not_every_text_has(question, says):
    assert says_something(question) is says


def test_typographic_signs_part_words_as_spaces_do():
    """English text with them is read the fast way, and its terms stay those of the slow way."""
    typographic = "The trust’s “net” losses – they rose… • 1,234.50"
    assert terms(typographic, "en") == terms("The trust s net losses they rose 1,234.50", "en")
    assert terms(typographic, "en") == terms(typographic + " ☒", "en")
