"""Every place that names something, counted by document."""

from __future__ import annotations

import pytest

from pipelines.answering import mentions
from pipelines.store.hits import Hit


def hit(number: int, document: int, text: str) -> Hit:
    return Hit(
        chunk_id=number, document_id=document, title=f"{document}.txt", source="s", collection="c",
        page=None, heading=None, text=text, language="en", score=1.0, dense=0.5, lexical=0.5,
        window_start=0, window_end=len(text),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Which documents mention the K-53?", "K-53"),
        ("List all passages about Norway", "Norway"),
        ("How often is Peter Lindqvist mentioned?", "Peter Lindqvist"),
        ("Welche Dokumente erwähnen den Kassenwart?", "Kassenwart"),
        ("In wie vielen Dokumenten wird der Vorstand genannt?", "Vorstand"),
        ("What does the pump cost?", None),
        ("Which pump is mentioned last?", None),
    ],
)
def test_what_all_places_are_wanted_of(question, wanted):
    """Only a question for places, passages or documents wants all of them."""
    assert mentions.subject(question) == wanted


def test_places_are_counted_by_document():
    """Those of a document together, in reading order, each with what it says."""
    hits = [
        hit(9, 2, "Rain. The relief valve leaks."),
        hit(3, 1, "A relief valve. More."),
        hit(5, 3, "The valve is blue."),
        hit(7, 2, "Open the relief valves first."),
    ]
    held = mentions.held(hits, "the relief valve")
    assert [h.chunk_id for h in held] == [7, 9, 3]
    assert mentions.told("Which documents mention the relief valve?", "the relief valve", held) == (
        "“the relief valve”: 3 passages in 2 documents.\n\n"
        "**2.txt** (2)\n\n- Open the relief valves first. [1]\n- The relief valve leaks. [2]\n\n"
        "**1.txt** (1)\n\n- A relief valve. [3]"
    )


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("List all invoices", "invoices"),
        ("Show me every order of Meyer in the documents.", "order of Meyer"),
        ("Nenne mir alle Rechnungen", "Rechnungen"),
        ("List the invoices", None),
        ("How many invoices are there?", None),
    ],
)
def test_what_is_wanted_all_of(question, wanted):
    assert mentions.listed(question) == wanted


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How many invoices are there?", "invoices"),
        ("Which boats are there in the documents?", "boats"),
        ("Wie viele Rechnungen gibt es insgesamt?", "Rechnungen"),
        ("Welche Boote gibt es?", "Boote"),
        ("How many boats are there in the west harbour?", None),
        ("How many days are there in a leap year?", None),
        ("How many documents are there?", None),
        ("How many boats does the club own?", None),
    ],
)
def test_what_is_wanted_the_number_of(question, wanted):
    """Only of things as such, not of those at one place, and not of the documents themselves."""
    assert mentions.counted(question) == wanted


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("The club owns three boats.", True),
        ("The club owns 14 boats.", True),
        ("Boats of the club are Anna, Berta and Clara.", True),
        ("He keeps 3 old wooden boats.", True),
        ("Boats:\n- Anna\n- Berta", True),
        ("The boats are old. There were 14 storms.", False),
        ("Boat no. 14 was built in 2021. Boats rot.", False),
        ("In 2021 boats were painted.", False),
    ],
)
def test_a_sentence_may_tell_the_number_itself(text, tells):
    assert mentions.is_told(text, "boats", "en") is tells


def test_a_count_says_what_it_counts():
    held = [hit(1, 1, "An invoice."), hit(2, 2, "Another invoice.")]
    told = mentions.told("How many invoices are there?", "invoices", held, is_count=True)
    assert told.startswith(
        "“invoices”: 2 passages in 2 documents. This counts the passages that mention it.\n\n"
    )
