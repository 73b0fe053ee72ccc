"""Questions that lean on their passage are distinguished from those that stand alone."""

import json

import pytest

from training.pairs import quality
from training.pairs.quality import leans_on_context


@pytest.mark.parametrize(
    "question",
    [
        "Based on the context information, what was the revenue?",
        "Which risks are mentioned in the document?",
        "What does this section say about drivers?",
        "How many people are employed according to the given text?",
    ],
)
def test_questions_about_their_passage_lean(question):
    assert leans_on_context(question)


@pytest.mark.parametrize(
    "question",
    [
        "What was Uber's revenue in 2021?",
        "How does the company classify its drivers?",
        "Who may use personal information of riders?",
        "What is documented of the virus's origin?",
    ],
)
def test_questions_of_their_own_do_not(question):
    assert not leans_on_context(question)


def test_share_of_a_generated_set(shared_data):
    """Of the 668 generated training questions about a fifth lean, as a reader would say."""
    queries = json.loads((shared_data / "qa/finance_10k/train.json").read_text())["queries"]
    leaning = sum(map(leans_on_context, queries.values()))
    assert 0.1 < leaning / len(queries) < 0.35


@pytest.mark.parametrize(
    ("question", "language", "fault"),
    [
        ("Why?", "en", quality.SHORT),
        ("为什么呢", "zh", None),
        ("why " * 200, "en", quality.LONG),
        ("What does this section say?", "en", quality.LEANS),
        ("Wie hoch war der Umsatz des Unternehmens im vergangenen Jahr?", "en", quality.LANGUAGE),
        ("Wie hoch war der Umsatz des Unternehmens im vergangenen Jahr?", "de", None),
        ("Wie hoch war der Umsatz des Unternehmens im vergangenen Jahr?", None, None),
    ],
)
def test_what_speaks_against_a_question(question, language, fault):
    assert quality.fault(question, language) == fault


def test_questions_that_differ_in_spelling_alone_are_one():
    assert quality.digest("What is  UFO?") == quality.digest("what is ufo")
    assert quality.digest("What is UFO 2?") != quality.digest("What is UFO?")
