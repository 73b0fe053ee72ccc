"""Questions to start with."""

from __future__ import annotations

from pipelines.examples import suggest


def test_documents_come_in_order_and_their_own_questions_first():
    """Two from each, until there are enough."""
    headings = [
        ("notes.md", "Notes > Tides"),
        ("notes.md", "Notes > When is high water?"),
        ("notes.md", "Notes > Where is the pier?"),
        ("report.pdf", "The ferry terminal"),
        ("help.md", "Help > How do I start?"),
    ]
    assert suggest(headings) == [
        "When is high water?",
        "Where is the pier?",
        "What does report say about The ferry terminal?",
        "How do I start?",
    ]


def test_headings_that_say_nothing_give_no_question():
    """Positions, numbers and whole paragraphs."""
    headings = [("a", "Introduction"), ("a", "Chapter 3"), ("a", "1.2.3"), ("a", "word " * 30)]
    assert suggest(headings) == []
