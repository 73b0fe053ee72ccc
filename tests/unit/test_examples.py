"""Questions to start with."""

from __future__ import annotations

import pytest

from pipelines.answering.examples import suggest
from pipelines.store.document_passages import Excerpt


def of(*headings, document=1, lead="", language="en"):
    return [Excerpt(document, heading, lead, language) for heading in headings]


def test_documents_take_turns_and_their_own_questions_come_first():
    """One from each before a second from any, in the order given."""
    excerpts = [
        *of("Notes", "Notes > Warranty period", "Notes > When is high water?", document=3),
        *of("The ferry", "The ferry > Causes of the delay", document=2),
        *of("Help", "Help > How do I start?", document=1),
    ]
    assert suggest(excerpts) == [
        "When is high water?",
        "What are the causes of the delay?",
        "How do I start?",
        "What is the warranty period?",
    ]


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("3.2 RISK FACTORS ........ 17", "What are the risk factors?"),
        ("Item 1A. Legal Proceedings", "What are the legal proceedings?"),
        ("Reset the Device", "How do I reset the device?"),
        ("The Dry Dock", "What should I know about dry dock?"),
        ("How to pay a fine", "How do I pay a fine?"),
        ("Resetting the Device", "What should I know about resetting the device?"),
        ("Role of the Trustee", "What is the role of the trustee?"),
        ("Relationship with humans", "What should I know about relationship with humans?"),
        ("Sheds and Greenhouses", "What should I know about sheds and greenhouses?"),
    ],
)
def test_a_topic_becomes_a_question_of_a_person(heading, question):
    assert suggest(of("Title", f"Title > {heading}")) == [question]


def test_a_topic_has_the_article_that_the_text_gives_it():
    """Whether a word is counted cannot be told from the word."""
    lead = "There are 37 people on the waiting list. Rain water is free."
    assert suggest(of("A", "A > Waiting list", "A > Rain water", lead=lead)) == [
        "What should I know about the waiting list?",
        "What should I know about rain water?",
    ]


def test_names_keep_their_capitals():
    """What the text writes with a capital inside a sentence, and acronyms."""
    lead = "Fees that Northwind charges are low. It must ask the county for a permit first."
    assert suggest(of("A", "A > Northwind Permit Fees", "A > VAT Numbers", lead=lead)) == [
        "What are the Northwind permit fees?",
        "What are the VAT numbers?",
    ]


@pytest.mark.parametrize(
    "heading",
    ["Contents", "Introduction", "Chapter 3", "1.2.3", "Page 3", "word " * 30, "and the rest of",
     "Table of Contents .... 2", "We need to listen", "What the lamps say", "v2.3.9", "User Guide", "http://a.b/c",
     "12/02/2015", "<script>alert(1)</script>", "Тарифы", "Official - subject to review"],
)  # fmt: skip
def test_headings_that_say_nothing_give_no_question(heading):
    """Places in the document, numbers, fragments, sentences, the document's own title."""
    assert suggest(of("Title", f"Title > {heading}")) == []


def test_a_foreign_document_gives_only_its_own_questions():
    """What is put together around a topic is English."""
    french = of("A", "A > Quels sont les tarifs ?", "A > Conditions générales", language="fr")
    assert suggest(french) == ["Quels sont les tarifs ?"]


def test_text_without_headings_gives_definitions_captions_lines_and_rows():
    """A paper, a table of a spreadsheet."""
    lead = (
        "A trace tree is a set of traces.\nTable 2: Fastener sizes by grade\n"
        "3.3 Blacklisting\nSometimes, a program follows a path that cannot be traced at all here."
    )
    assert suggest(of(None, lead=lead)) == [
        "What is a trace tree?",
        "What does the table “Fastener sizes by grade” show?",
        "What should I know about blacklisting?",
    ]
    row = "Rank: 1; Major: PETROLEUM ENGINEERING; Unemployment_rate: 0.018; Median: 110000"
    assert suggest(of(None, lead=row)) == [
        "What is the unemployment rate of Petroleum Engineering?"
    ]
