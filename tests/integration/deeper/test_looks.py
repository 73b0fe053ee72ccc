"""Deeper looks on a real database, with a scripted model that calls tools, within its budget."""

from __future__ import annotations

from pipelines.answering.deeper.tools import ENOUGH
from pipelines.answering.events import Depth, Thinking, Token
from pipelines.store import scope
from tests.corpus import add_document
from tests.looking import LIST, events, id_of, results, steps


def test_the_model_searches_reads_and_answers_with_checked_citations(make, handle, llm, pool):
    """Each step is told when it is done. The answer cites what was read, numbered as it appears."""
    valve = id_of(pool, "valve.md")
    llm.script = [
        lambda call: call.call_tools(("search_documents", {"query": "valve pressure"})),
        lambda call: call.call_tools(
            ("list_documents", {}), ("read_document", {"document": valve})
        ),
        lambda call: call.say("The valve V-7 opens at 12 bar [2]. The torque is 40 Nm [1]."),
    ]
    seen, answer = events(make(), handle)
    assert steps(seen) == [
        f"Searched for “{LIST}”: 2 passages",
        "Searched for “valve pressure”: 2 passages",
        "Listed 2 documents",
        "Read valve.md",
    ]
    assert answer.remarks.steps == tuple(steps(seen))
    assert answer.remarks.looked_in == 2
    assert answer.kind == "llm"
    assert {tool["function"]["name"] for tool in llm.requests[0]["tools"]} == {
        "search_documents", "read_document", "list_documents",
    }  # fmt: skip
    streamed = "".join(event.text for event in seen if isinstance(event, Token))
    assert streamed.strip() == answer.text
    assert {c.highlight for c in answer.citations} == {
        "The valve V-7 opens at 12 bar.", "The pump K-53 has a torque of 40 Nm.",
    }  # fmt: skip


def test_a_model_that_never_stops_is_stopped_by_the_budget(make, handle, llm):
    """It is called as often as allowed. The last call writes the answer, and the note says so."""
    llm.script = [
        *[lambda call: call.call_tools(("search_documents", {"query": "torque"}))] * 3,
        lambda call: call.say("The torque is 40 Nm [1]."),
    ]
    seen, answer = events(make(steps=4), handle)
    assert len(llm.requests) == 4
    assert "tools" not in llm.requests[-1]
    assert answer.text == "The torque is 40 Nm [1]."
    assert answer.note == (
        "The limit of 4 calls of the language model was reached. This answer rests on what was read"
        " until then."
    )
    assert len(steps(seen)) == 4


def test_many_calls_at_once_and_in_all_are_not_answered(make, handle, llm):
    """A reply with a thousand calls costs six. After two dozen calls none is answered."""
    flood = [("search_documents", {"query": "torque"})] * 1000
    llm.script = [lambda call: call.call_tools(*flood)] * 6 + [lambda call: call.say("40 Nm [1].")]
    seen, _ = events(make(steps=7), handle)
    assert len(steps(seen)) == 25
    assert results(llm, 5).count(ENOUGH) == 6


def test_no_more_is_read_than_the_budget_allows(make, handle, llm, pool):
    """What does not fit is not given to the model, and the look ends."""
    with pool.connection() as conn:
        add_document(
            conn, handle, "long.md", [f"Torque number {n} is {n} Nm. " * 12 for n in range(40)]
        )
    llm.script = [lambda call: call.say("The torque is 40 Nm [1].")]
    _, answer = events(make(chars=2000), handle)
    given = "".join(m["content"] or "" for m in llm.requests[0]["messages"][1:])
    assert 1000 < len(given) < 4000
    assert answer.note.startswith("The limit of characters that are read for one question")


def test_calls_of_the_day_are_counted_and_end_the_look(make, handle, llm):
    """Every call but the one that writes is counted. Without any left the first search answers."""
    asked: list[bool] = []

    def may_call() -> bool:
        asked.append(len(asked) < 2)
        return asked[-1]

    llm.script = [
        *[lambda call: call.call_tools(("search_documents", {"query": "torque"}))] * 2,
        lambda call: call.say("The torque is 40 Nm [1]."),
    ]
    _, answer = events(make(), handle, depth=Depth(True, may_call))
    assert asked == [True, True, False]
    assert len(llm.requests) == 3
    assert "calls of the language model in a day" in answer.note


def test_an_answer_without_a_call_of_a_tool_is_an_answer(make, handle, llm):
    """The first search may have been enough."""
    llm.script = [lambda call: call.say("The torque is 40 Nm [1].")]
    seen, answer = events(make(), handle)
    assert (answer.kind, answer.note, len(llm.requests)) == ("llm", None, 1)
    assert len(steps(seen)) == 1


def test_words_before_a_step_are_taken_back(make, handle, llm):
    """They are no part of the answer, nor is what a model thinks."""

    def talk(call):
        call.begin()
        call.piece({"delta": {"content": "<think>hm</think>I will search. "}})
        function = {"name": "search_documents", "arguments": '{"query": "torque"}'}
        made = {"index": 0, "id": "1", "type": "function", "function": function}
        call.piece({"delta": {"tool_calls": [made]}})
        call.piece({"delta": {}, "finish_reason": "tool_calls"})
        call.raw(b"data: [DONE]\n\n")
        call.raw(b"")

    llm.script = [talk, lambda call: call.say("The torque is 40 Nm [1].")]
    seen, answer = events(make(), handle)
    assert answer.text == "The torque is 40 Nm [1]."
    assert Thinking("I will search. ", takes_back=True) in seen


def test_nobody_elses_document_is_read_whoever_names_it(make, handle, llm, pool):
    """Not by its number, not by a search and not in the list. It does not even exist."""
    secret = id_of(pool, "secret.md")
    llm.script = [
        lambda call: call.call_tools(
            ("read_document", {"document": secret}),
            ("search_documents", {"query": "secret budget of the pump"}),
            ("list_documents", {}),
        ),
        lambda call: call.say("40 Nm [1]."),
    ]
    _, answer = events(make(), handle, within=["default"])
    read, searched, listed = results(llm)
    assert read == f"Error: document: there is no document {secret}."
    assert "9000" not in searched + listed
    assert "secret.md" not in searched + listed
    assert answer.remarks.within_of == ("default",)


def test_the_choice_of_documents_bounds_the_look(make, handle, llm, pool):
    """A document outside of what the reader has chosen is treated as if it were not there."""
    pump, valve = id_of(pool, "pump.md"), id_of(pool, "valve.md")
    within = scope.narrow(["default"], scope.Choice(documents=(pump,)))
    llm.script = [
        lambda call: call.call_tools(
            ("read_document", {"document": valve}), ("list_documents", {})
        ),
        lambda call: call.say("40 Nm [1]."),
    ]
    _, answer = events(make(), handle, within=within)
    assert results(llm)[0].startswith("Error: document: there is no document")
    assert "valve.md" not in results(llm)[1]
    assert {hit.title for hit in answer.passages} == {"pump.md"}


def test_it_starts_when_the_question_asks_for_it(make, handle, llm):
    """Not for a question of one fact, and not where it is switched off."""
    llm.script = [lambda call: call.say("40 Nm [1].")]
    answerer = make()
    assert steps(events(answerer, handle, LIST, Depth())[0])
    assert not steps(events(answerer, handle, "What torque has the pump K-53?", Depth())[0])
    assert not steps(events(answerer, handle, LIST, Depth(wanted=False))[0])


def test_nothing_indexed_is_said(make, handle, llm):
    _, answer = events(make(), handle, within=["empty"])
    assert (answer.kind, answer.passages, llm.requests) == ("not_found", [], [])
