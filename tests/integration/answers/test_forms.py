"""Another form of the last answer: shorter, translated, as a table."""

from __future__ import annotations

import pytest

from pipelines.answering.compose import NEEDS_LLM
from pipelines.answering.events import (
    Turn,
)  # fmt: skip
from tests.asking import QUESTION


def _last(answer) -> list[Turn]:
    """A conversation whose last turn is this answer."""
    passages = tuple(hit.chunk_id for hit in answer.passages)
    return [Turn("user", answer.question), Turn("assistant", answer.text, passages=passages)]


def test_another_form_needs_the_model_and_says_so(make, handle, llm):
    """It cannot be had from the documents. The reader is told why, and nothing is searched."""
    llm.script = [
        lambda call: call.say("Total revenue was $17,455 million in 2021 [1]."),
        lambda call: call.fail(401),
    ]
    answerer = make(llm)
    answer = answerer.ask("shorter", _last(answerer.ask(QUESTION, handle=handle)), handle=handle)
    assert answer.text == NEEDS_LLM
    assert "refused the key (401)" in answer.note


@pytest.mark.parametrize("request_", ["shorter", "Translate that into German", "as a table"])
def test_another_form_of_the_last_answer_keeps_its_citations(make, handle, llm, request_):
    """No search and no rewriting: the model gets the answer, and the numbers lead where they led."""
    llm.script = [
        lambda call: call.say("Total revenue was $17,455 million in 2021 [2]. It moved in 2009 [1]."),
        lambda call: call.say("17,455 Millionen Dollar im Jahr 2021 [1]."),
    ]  # fmt: skip
    answerer = make(llm)
    before = answerer.ask(QUESTION, handle=handle)
    answer = answerer.ask(request_, _last(before), handle=handle)
    assert len(llm.requests) == 2
    assert before.text in llm.prompt()
    assert request_ in llm.prompt()
    assert "search" not in answer.timings_ms
    assert [c.chunk_id for c in answer.citations] == [before.citations[0].chunk_id]
    assert answer.remarks.unsupported == ()


def test_citations_that_the_model_forgets_are_put_back(make, handle, llm):
    """A shorter answer still says where it comes from."""
    llm.script = [
        lambda call: call.say("Total revenue was $17,455 million in 2021 [1]."),
        lambda call: call.say("17,455 million."),
    ]
    answerer = make(llm)
    before = answerer.ask(QUESTION, handle=handle)
    answer = answerer.ask("shorter", _last(before), handle=handle)
    assert answer.text == "17,455 million. [1]"
    assert not answer.uncited


def test_another_form_of_a_closed_source_is_a_new_question(make, handle, llm):
    """Whoever may no longer read a source of the answer does not get it in another form."""
    llm.script = [
        lambda call: call.say("Total revenue was $17,455 million in 2021 [1]."),
        lambda call: call.say("shorter"),
        lambda call: call.say("NOT IN THE DOCUMENTS"),
    ]
    answerer = make(llm)
    before = answerer.ask(QUESTION, handle=handle)
    answer = answerer.ask("shorter", _last(before), handle=handle, collections=["private"])
    assert answer.kind == "not_found"
    assert all(
        "17,455" not in llm.requests[n]["messages"][-1]["content"]
        for n in range(2, len(llm.requests))
    )


def test_without_a_model_no_other_form_is_promised(make, handle):
    """It says so, and searches for nothing."""
    answerer = make()
    answer = answerer.ask("shorter", _last(answerer.ask(QUESTION, handle=handle)), handle=handle)
    assert answer.text == NEEDS_LLM
    assert answer.passages == []
