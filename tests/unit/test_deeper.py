"""Which questions are looked at deeper, and how a deeper look is counted and shown."""

from __future__ import annotations

from html import unescape
from uuid import UUID

import pytest

from app.chat.rendering import markup
from app.chat.turns import AnswerProgress
from app.chat.waiting import growing
from pipelines.answering.deeper.asked import is_about_whole, wants_more
from pipelines.answering.deeper.budget import Budget, CallMeter
from pipelines.store.chats import Message, Remarks
from pipelines.store.ids import MessageId


@pytest.mark.parametrize(
    "question",
    [
        "Summarise this document",
        "Can you give me a summary of the harbour report?",
        "What is this about?",
        "Worum geht es in diesem Dokument?",
        "Fasse den Bericht zusammen",
        "List all error codes of the pump.",
        "Please name every supplier in the contracts",
        "Nenne alle Termine im Mai",
        "How many invoices are there in total?",
        "How many documents mention the valve?",
        "Wie viele Verträge gibt es?",
        "Wie oft wird das Ventil erwähnt?",
        "How often is the valve mentioned?",
        "Compare the P200 with the P300",
        "What are the differences between the lease and the draft?",
        "Vergleiche die Pumpe mit dem Ventil",
        "Was ist der Unterschied zwischen Pumpe und Ventil?",
        "What did the auditors find in all reports?",
        "Which files mention the harbour?",
    ],
)
def test_a_question_that_one_search_cannot_answer_is_known(question):
    assert wants_more(question)


@pytest.mark.parametrize(
    "question",
    [
        "How much does the pump weigh?",
        "How many people are there in the Paris office?",
        "How many employees does Uber have?",
        "How often is the valve tested?",
        "What is the difference?",
        "Which documents are there?",
        "List the documents",
        "Who wrote the report about the harbour?",
        "When does the summary of the annual report have to be filed?",
        "Was kostet die Pumpe?",
        "Wie viele Mitarbeiter hat Siemens?",
        "x" * 400,
        "",
    ],
)
def test_a_question_of_one_fact_is_not(question):
    assert not wants_more(question)


def test_whole_documents_are_meant_by_summaries_alone():
    assert is_about_whole("Summarise this document")
    assert not is_about_whole("List all error codes")
    assert not is_about_whole("Which documents are there?")


def test_a_meter_ends_at_the_first_limit_and_says_which():
    calls = CallMeter(Budget(), 2, lambda: True)
    assert [calls.may_go_on() for _ in range(4)] == [True, True, False, False]
    assert calls.ended == "3 calls of the language model"
    late = CallMeter(Budget(seconds=0), 2, lambda: True)
    assert not late.may_go_on()
    assert late.ended == "0 seconds"
    none_left = CallMeter(Budget(), 2, lambda: False)
    assert not none_left.may_go_on()
    assert none_left.ended == "calls of the language model in a day"
    other = CallMeter(Budget(), 2, lambda: True)
    other.end("characters")
    assert (other.may_go_on(), other.ended) == (False, "characters")


def test_steps_are_text_while_they_happen_and_folded_in_the_end():
    """Titles of documents put no markup into the page. The hits are not listed beside the steps."""
    step = AnswerProgress(UUID(int=1), stage="deeper", steps=("Read <b>x</b>\n\n# y", "Read z"))
    shown = growing(step)
    assert "<b>" not in shown
    assert "Read <b>x</b> # y" in unescape(shown)
    assert "Looking deeper…" in unescape(shown)
    remarks = Remarks(steps=step.steps, looked_in=1)
    answer = markup.answer(message("llm", remarks), deeper=True)
    assert "<summary>Looked in 1 document, 2 steps</summary>" in answer
    assert "<b>" not in answer
    assert "#deeper" not in answer


def test_a_deeper_look_is_offered_where_it_may_help():
    """Under an answer of the model, or none at all. Not without a model, and not after such a look."""
    for kind, is_offered in (("llm", True), ("not_found", True), ("error", False)):
        assert ("#deeper" in markup.answer(message(kind, Remarks()), deeper=True)) == is_offered
    assert "#deeper" not in markup.answer(message("llm", Remarks()))


def message(kind: str, remarks: Remarks) -> Message:
    return Message(MessageId(1), "assistant", "Yes.", kind, "base", 1, remarks=remarks)
