"""Questions to ask next, of what was found beside the answer."""

from __future__ import annotations

from dataclasses import replace

from pipelines.answering.events import Answer, Citation
from pipelines.answering.follow_ups import follow_ups
from pipelines.store.hits import Hit

QUESTION = "What is the torque of the bolts?"


def hit(number, heading, text="Some words of the manual.", score=0.8, language="en"):
    return Hit(number, 1, "m.md", "m.md", "default", None, heading, text, language, score, score, score, 0, 9)  # fmt: skip


def answer(*hits, kind="extracts", cited=1):
    citations = [
        Citation(n, 1, "m.md", "m.md", None, h.heading, h.chunk_id, h.text, None, h.score)
        for n, h in enumerate(hits[:cited], 1)
    ]
    return Answer("It is 11 Nm [1].", kind, QUESTION, citations, list(hits), "base", 1, 1, {})


SHOWN = hit(1, "Pump > Torque")
WARRANTY = hit(2, "Pump > Warranty period")
FILTER = hit(3, "Pump > How do I clean the filter?")


def test_other_passages_found_give_questions():
    """As a heading asks it, or of what it names, in the order of the passages."""
    found = follow_ups(answer(SHOWN, WARRANTY, FILTER))
    assert found == ("What is the warranty period?", "How do I clean the filter?")


def test_nothing_is_asked_twice():
    """Neither what was asked before, nor what the answer cites, nor one question in two ways."""
    again = hit(4, "Manual > Warranty period")
    same = hit(5, "Pump > Torque of the bolts")
    whole = answer(SHOWN, WARRANTY, again, same, replace(SHOWN, chunk_id=6))
    assert follow_ups(whole) == ("What is the warranty period?",)
    assert follow_ups(whole, ["Tell me about the warranty period"]) == ()


def test_only_useful_questions_are_shown():
    """Of passages that fit, with a heading that makes a good question. At most three."""
    for other in (
        hit(2, "Pump > Warranty period", score=0.2), replace(WARRANTY, document_id=2, dense=0.3, lexical=0.3), hit(2, None), hit(2, "Introduction"),
        hit(2, "Opening"), hit(2, "Pompe > Durée de garantie", language="fr"),
    ):  # fmt: skip
        assert follow_ups(answer(SHOWN, other)) == ()
    headings = [
        "Warranty period",
        "Delivery date",
        "Filter size limit",
        "Noise limit",
        "Oil temperature",
    ]
    many = [hit(n, f"Pump > {heading}") for n, heading in enumerate(headings, 2)]
    assert len(follow_ups(answer(SHOWN, *many))) == 3


def test_answers_without_sources_have_none():
    assert follow_ups(answer(SHOWN, WARRANTY, kind="not_found")) == ()
    assert follow_ups(answer(SHOWN, WARRANTY, kind="llm", cited=0)) == ()
