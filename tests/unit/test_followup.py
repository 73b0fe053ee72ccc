"""Follow-ups without a language model: what is taken from the question before."""

from __future__ import annotations

import time

import pytest

from pipelines.answering import edits, followup
from pipelines.answering.events import Turn


def readings(before: str, question: str, answer: str = "", searched: str | None = None, title=""):
    turns = [Turn("user", before), Turn("assistant", answer, searched=searched)]
    return followup.readings(question, turns, title)


def resolve(before: str, question: str, answer: str = "", searched: str | None = None):
    return next(iter(readings(before, question, answer, searched)), None)


UBER = "What was Uber's revenue in 2021?"
TORQUE = "What is the torque of the K-53?"
FERRY = "How much did the ferry terminal cost?"


@pytest.mark.parametrize(
    ("before", "question", "meant"),
    [
        (UBER, "and the year before?", "What was Uber's revenue in 2020?"),
        (UBER, "And in 2019?", "What was Uber's revenue in 2019?"),
        (UBER, "And for Lyft?", "What was Lyft's revenue in 2021?"),
        (UBER, "and the net loss?", "What was Uber's net loss in 2021?"),
        ("What is the torque of model A?", "and for model B?", "What is the torque of model B?"),
        (TORQUE, "and K-54?", "What is the torque of the K-54?"),
        (TORQUE, "and the weight?", "What is the weight of the K-53?"),
        ("What does the Business plan cost per month?", "and the Team plan?", "What does the Team plan cost per month?"),
        (FERRY, "Who built it?", "Who built the ferry terminal?"),
        ("How old was the pilot?", "and the copilot?", "How old was the copilot?"),
        ("Wie hoch war der Umsatz im Jahr 2021?", "und im Jahr davor?", "Wie hoch war der Umsatz im Jahr 2020?"),
        ("Welches Drehmoment hat die K-53?", "und die K-54?", "Welches Drehmoment hat die K-54?"),
        ("How many employees are there in Berlin?", "and in Munich?", "How many employees are there in Munich?"),
        ("What does a kayak cost per day?", "and a canoe?", "What does a canoe cost per day?"),
        ("What does a night in summer cost?", "and in winter?", "What does a night in winter cost?"),
        ("How long does a trip by bus take?", "and by ferry?", "How long does a trip by ferry take?"),
        ("Why was the swing at Mill Green closed?", "What did it cost?", "What did the swing at Mill Green cost?"),
        ("Who repairs the pier?", "and by when?", "by when (repairs the pier)?"),
        ("Wer repariert den Steg?", "bis wann?", "bis wann (repariert den Steg)?"),
        ("Wie lange dauert das Programm Wolle?", "Und wie heiß ist es?", "wie heiß ist das Programm Wolle?"),
    ],
)  # fmt: skip
def test_what_is_left_out_comes_from_the_question_before(before, question, meant):
    """The year, the name, the code or the thing asked for is exchanged, the rest stays."""
    assert resolve(before, question) == meant


@pytest.mark.parametrize(
    "question",
    [
        "What is the warranty period of the fan guard?",
        "When did the accident happen?",
        "Which ferries leave the harbour of Saltmere?",
        "What is the weight of the K-54 in kg?",
        "Is there a bus to the harbour?",
        "Gibt es einen Bus zum Hafen?",
    ],
)
def test_questions_that_stand_alone_stay(question):
    """A question with its own subject is searched as it was typed."""
    assert resolve(TORQUE, question) is None


def test_pronoun_may_stand_for_the_thing_its_attribute_or_the_document():
    """Each reading is searched for, because the words alone do not tell which is meant."""
    assert readings(
        "How long does the warranty of the pump last?", "and how loud is it?", title="P200 manual"
    ) == [
        "how loud is the warranty of the pump?",
        "how loud is the pump?",
        "how loud is it (P200 manual)?",
    ]
    assert readings("How long is the warranty?", "and the weight?", title="P200 manual")[-1] == (
        "the weight (P200 manual)?"
    )


def test_another_year_has_one_reading():
    """Nothing else can be meant."""
    assert readings(UBER, "And in 2019?", title="10-K") == ["What was Uber's revenue in 2019?"]


def test_year_comes_from_the_answer_where_the_question_had_none():
    """Only if the answer names a single year, because of two nobody knows which is meant."""
    question = "What was the revenue?"
    assert (
        resolve(question, "and the year before?", "It was $5 in 2021 [1].")
        == "What was the revenue in 2020?"
    )
    assert resolve(question, "and the year before?", "$5 in 2021, $4 in 2020.") != (
        "What was the revenue in 2020?"
    )


def test_follow_up_of_a_follow_up_builds_on_what_was_searched():
    """Not on what was typed, which means nothing alone."""
    assert (
        resolve("and the year before?", "and the year before that?", searched="Revenue in 2020?")
        == "Revenue in 2019?"
    )


def test_first_question_has_nothing_before_it():
    """Without turns nothing is filled in."""
    assert followup.readings("and the year before?", []) == []


@pytest.mark.parametrize(
    "request_",
    ["shorter", "Make it shorter, please", "Translate that into German", "and in German?", "as a table",
     "Can you show that as a list?", "in one sentence", "Summarise your answer", "kürzer bitte",
     "Übersetze das ins Englische", "als Tabelle", "auf Deutsch"],
)  # fmt: skip
def test_requests_for_another_form_are_known(request_):
    """They are about the answer, not about the documents."""
    assert edits.is_edit(request_)


@pytest.mark.parametrize(
    "question",
    ["Which is shorter, pier A or pier B?", "in Germany?", "and in 2020?", "Which table lists the torque?",
     "Give me the list of members", "Summarise this document", "How is it translated into German?"],
)  # fmt: skip
def test_questions_with_such_words_are_questions(question):
    """Only a message of nothing else asks for another form."""
    assert not edits.is_edit(question)


def test_long_question_before_costs_no_time():
    """Nothing is taken from it, so that no pattern can run away on it."""
    started = time.thread_time()
    assert resolve("x" * 4000, "and the year before?") is None
    assert time.thread_time() - started < 0.1
