"""Sentences of a written answer held against the passages."""

from __future__ import annotations

import pytest

from pipelines.answering import support
from pipelines.answering.cite import Aligner
from tests.unit.test_extract import hit

FERRY = "The ferry terminal opened on 14 May 2023. Building the terminal cost 4.2 million pounds."
MASTER = "The harbour master is Edda Thorne. The trust employs 87 people in the harbour office."
PIER = "A night on the visitors' pier costs 18 pounds for boats under ten metres."
HITS = [hit(1, FERRY), hit(2, MASTER), hit(3, PIER)]


@pytest.fixture
def aligner() -> Aligner:
    return Aligner([(each.text, each.language) for each in HITS])


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("Building the terminal cost 4.2 million pounds [3].", "Building the terminal cost 4.2 million pounds [1]."),
        ("The harbour master is Edda Thorne [9].", "The harbour master is Edda Thorne [2]."),
        ("Fine [1]. The harbour master is Edda Thorne [3]. Fine [3].", "Fine [1]. The harbour master is Edda Thorne [2]. Fine [3]."),
    ],
)  # fmt: skip
def test_citation_of_the_wrong_passage_is_pointed_at_the_right_one(aligner, text, corrected):
    """Only in its own sentence, and counted."""
    assert support.correct(text, aligner, 3) == (corrected, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Building the terminal cost 4.2 million pounds [1].",
        "Building the terminal cost 4.2 million pounds [1][3].",
        "Yes, certainly [3].",
        "The weather in the harbour was often pleasant [3].",
        "No citation at all in this whole long sentence.",
        "",
    ],
)
def test_unclear_citations_stay(aligner, text):
    """A right one, one beside the right one, and one of a sentence that no passage clearly supports."""
    assert support.correct(text, aligner, 3) == (text, 0)


def test_sentences_of_nothing_in_the_passages_are_named(aligner):
    """Another figure is enough. A sentence in other words is not."""
    text = (
        "Building the terminal cost 4.2 million pounds [1]. "
        "The mayor of Paris opened it with 500 guests. "
        "Construction works on the ferry terminal came to 4.2 million pounds [1]. "
        "Dolphins sing beautiful operas every Thursday evening. "
        "Yes."
    )
    weak = support.unsupported(text, aligner, HITS)
    assert weak == [1, 3]
    assert [text[start:end] for start, end in support.spans(text, weak)] == [
        "The mayor of Paris opened it with 500 guests.",
        "Dolphins sing beautiful operas every Thursday evening.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Der Bau des Fährterminals hat nach Angaben des Hafens 4,2 Millionen Pfund gekostet [1].",
        "| Pier | Price |\n|---|---|\n| East | 99 |",
        "These are the prices of mooring in 1999:",
    ],
)
def test_what_words_cannot_judge_is_left(aligner, text):
    """An answer in another language, a table, and the opening of a list."""
    assert support.unsupported(text, aligner, HITS) == []
