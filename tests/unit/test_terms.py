"""The terms of a text, which lexical search counts."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text.stop_words import says_something
from pipelines.text.terms import plain_terms, question_terms, terms


def test_plain_ascii_is_cut_like_any_other_text():
    """ASCII text has a faster path. An accent at its end sends the same text the other way."""
    dice = random.Random(0)
    texts = ["".join(dice.choices("abXY019_.,' \n-/'\"", k=60)) for _ in range(2000)]
    for text in [*texts, "1,234.5 of 1.234,5 and 0'5 in v1.2_b", "don't re-use A.B.C. 3.14.15"]:
        assert sorted([*terms(text, "en"), *terms("é", "en")]) == sorted(terms(f"{text} é", "en"))
        assert terms(text.upper(), None) == terms(text.lower(), None)


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


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("2.4.1", "v2.4.1"),
        ("v2.4.1", "2.4.1"),
        ("12.5 kg", "12.5kg"),
        ("2,500W", "2500 W"),
        ("10 kV", "10kV"),
        ("4 500 118", "4500118"),
        ("K53", "K-53"),
        ("AB4471", "AB/4471"),
        ("AX4472B", "AX/4472-B"),
        ("AX4472", "AX/4472-B"),
        ("128803", "12-880/3"),
        ("X200B", "X200-B"),
        ("HTTP server port", "HTTPServerPort"),
        ("parse URL", "parseURL"),
        ("retries", "maxRetries"),
        ("max_retries", "maxRetries"),
        ("کتابی", "كتابي"),
        ("مدرسه", "مدرسة"),
        ("مستشفي", "مستشفى"),
        ("計算機", "计算机"),
        ("计算机", "計算機"),
    ],
)
def test_one_thing_in_two_spellings_shares_its_rarest_term(question, text):
    """Each word of the question but a bare letter is among the terms of the text."""
    held = set(terms(text, "en"))
    groups = question_terms(question, ["en"])
    assert any(held & set(group) for group in groups if len(group[0]) > 1)


def test_passages_added_before_letters_were_folded_are_still_found():
    """Their terms are as they were written then, and the question has these forms, too."""
    assert ["计算", "計算"] in question_terms("計算", [])
    assert any({"كتاب", "کتاب"} <= set(group) for group in question_terms("کتاب", []))


def test_japanese_keeps_its_characters():
    assert terms("計算機", "ja") == ["計算", "算機"]
    assert terms("計算機", "zh") == ["计算", "算机"]


@given(st.text(max_size=40), st.sampled_from([None, "en", "de", "fr", "ru"]))
def test_text_has_the_same_terms_beside_a_script_that_needs_the_slow_pattern(text, language):
    found = plain_terms(text, language)
    assert plain_terms(f"{text} \u0e01", language) == [*found, "\u0e01"]
    assert terms(text, language)[: len(found)] == found


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Frist Kündigung", "Die Kündigungsfrist beträgt sechs Wochen."),
        ("Tage Urlaub", "Die Zahl der Urlaubstage beträgt 31."),
        ("Wagen", "Der Dienstwagen steht im Hof."),
        ("Preis", "Die Preisliste gilt ab Mai."),
        ("Gebühren Parken", "Parkgebühren zahlt der Gast."),
    ],
)
def test_a_german_compound_is_found_by_its_parts(question, text):
    held = set(terms(text, "de"))
    groups = question_terms(question, ["de"])
    assert all(held.intersection(forms) for forms in groups)


def test_words_of_other_languages_are_not_cut():
    assert len(terms("investigate the estimate", "en")) == 3
