"""Deeper looks on a real database, with a scripted model that calls tools."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import aclosing
from functools import partial

import pytest

from pipelines.answering.answer import Answerer
from pipelines.answering.compose import NOT_DEEPER, NOT_FOUND
from pipelines.answering.deeper import reading
from pipelines.answering.deeper.budget import Budget
from pipelines.answering.deeper.library import Library
from pipelines.answering.deeper.looking import NO_TOOLS
from pipelines.answering.deeper.tools import ENOUGH
from pipelines.answering.events import Depth, StepTaken, Thinking, Token
from pipelines.answering.llm import LLMOptions
from pipelines.store import scope
from tests.corpus import add_document
from tests.versions import first_handle

PUMP = "The pump K-53 has a torque of 40 Nm. It is greased every month."
VALVE = "The valve V-7 opens at 12 bar. It was tested in May."
SECRET = "The secret budget of the pump K-53 is 9000 euros."
LIST = "List all torque values."
DEEPER = Depth(wanted=True)


@pytest.fixture
def handle(pool, tiny_model, tmp_path):
    with pool.connection() as conn:
        handle = first_handle(conn, tiny_model, tmp_path)
        add_document(conn, handle, "pump.md", [PUMP])
        add_document(conn, handle, "valve.md", [VALVE])
        add_document(conn, handle, "secret.md", [SECRET], collection=scope.private("somebody"))
    return handle


@pytest.fixture
def make(pool, llm):
    """Builds answerers, and ends their threads."""
    made = []

    def build(**budget) -> Answerer:
        answerer = Answerer(pool, top_k=3, budget=Budget(**budget))
        options = LLMOptions("scripted", "k", llm.url, 10)
        answerer.stream = partial(answerer.stream, llm=options)
        made.append(answerer)
        return answerer

    yield build
    for answerer in made:
        answerer.close()


def id_of(pool, title: str) -> int:
    with pool.connection() as conn:
        return conn.execute("select id from document where title = %s", (title,)).fetchone()[0]


def events(answerer, handle, question=LIST, depth=DEEPER, within=None):
    async def read():
        stream = answerer.stream(question, handle=handle, depth=depth, collections=within)
        async with aclosing(stream) as seen:
            return [event async for event in seen]

    seen = asyncio.run(read())
    return seen, seen[-1].answer


def steps(seen) -> list[str]:
    return [event.text for event in seen if isinstance(event, StepTaken)]


def results(llm, request: int = -1) -> list[str]:
    """What the tools have told the model."""
    return [m["content"] for m in llm.requests[request]["messages"] if m["role"] == "tool"]


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


def test_a_model_without_tools_answers_from_one_wide_search(make, handle, llm):
    """Refused or unused tools are no error. The answer says on what it rests."""
    answerer = make(steps=2)
    for first_reply in (
        lambda call: call.fail(400),
        lambda call: call.fail(404),
        lambda call: call.say('<tool_call>{"name": "search_documents"}</tool_call>'),
        lambda call: call.say(""),
        lambda call: call.call_tools(("search_documents", "{not json")),
    ):
        llm.requests.clear()
        llm.script = [first_reply, lambda call: call.say("The torque is 40 Nm [1].")]
        seen, answer = events(answerer, handle)
        assert (answer.kind, answer.text) == ("llm", "The torque is 40 Nm [1].")
        assert answer.note
        shown = ""
        for event in seen:
            if isinstance(event, Token):
                shown += event.text
            elif isinstance(event, Thinking) and event.takes_back:
                shown = ""
        assert shown.strip() == answer.text


def test_a_refusal_of_tools_says_why(make, handle, llm):
    llm.script = [lambda call: call.fail(400), lambda call: call.say("40 Nm [1].")]
    assert events(make(), handle)[1].note == NO_TOOLS


def test_an_answer_without_a_call_of_a_tool_is_an_answer(make, handle, llm):
    """The first search may have been enough."""
    llm.script = [lambda call: call.say("The torque is 40 Nm [1].")]
    seen, answer = events(make(), handle)
    assert (answer.kind, answer.note, len(llm.requests)) == ("llm", None, 1)
    assert len(steps(seen)) == 1


def test_a_model_that_is_not_there_is_done_without(make, handle, llm):
    """At the first step or a later one: what the documents say without it, and why."""
    for script in (
        [lambda call: call.fail(401)],
        [
            lambda call: call.call_tools(("search_documents", {"query": "torque"})),
            lambda call: call.fail(401),
        ],
    ):
        llm.script = script
        _, answer = events(make(), handle)
        assert answer.has_failed_llm
        assert answer.kind != "error"
        assert "did not answer: it refused the key" in answer.note


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


def test_hostile_arguments_get_a_short_error_and_the_look_goes_on(make, handle, llm):
    """Wrong types, huge values, what cannot be stored or does not exist, and unknown tools."""
    calls = [
        ("search_documents", {"query": 7}),
        ("search_documents", {"query": "x" * 100_000}),
        ("search_documents", {"query": "\u0000 \ud800"}),
        ("search_documents", {"wrong": "torque"}),
        ("search_documents", "[1, 2]"),
        ("read_document", {"document": "pump.md"}),
        ("read_document", {"document": 2**80}),
        ("read_document", {"document": -1}),
        ("read_document", {"document": True}),
        ("read_document", {"document": 1, "part": 10**9}),
        ("read_document", {"document": 1, "part": 99}),
        ("no_such_tool", {}),
    ]
    llm.script = [
        lambda call: call.call_tools(*calls[:6]),
        lambda call: call.call_tools(*calls[6:]),
        lambda call: call.say("40 Nm [1]."),
    ]
    seen, answer = events(make(), handle)
    told = results(llm)
    assert len(told) == len(calls)
    assert all(len(result) < 300 for result in told)
    assert [result for result in told if not result.startswith(("Error: ", "Tool"))] == []
    assert len(steps(seen)) == 1
    assert (answer.kind, answer.text) == ("llm", "40 Nm [1].")


def test_a_fault_of_ours_is_not_told_to_the_model(make, handle, llm, monkeypatch):
    """It ends the answer as every unexpected fault does."""

    def broken(*_):
        raise RuntimeError("disk gone")

    monkeypatch.setattr(Library, "listed", broken)
    llm.script = [lambda call: call.call_tools(("list_documents", {}))]
    with pytest.raises(RuntimeError, match="disk gone"):
        events(make(), handle)
    assert len(llm.requests) == 1


async def _stopped(answerer, handle, until) -> None:
    async with aclosing(answerer.stream(LIST, handle=handle, depth=DEEPER)) as stream:
        waiting = asyncio.ensure_future(_drained(stream))
        while not until():
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait({waiting})
    await answerer.aclose()


async def _drained(stream) -> None:
    async for _ in stream:
        pass


def test_a_stop_ends_the_request_of_a_step(make, handle, llm):
    """The provider sees the connection close while it still writes."""
    llm.script = [lambda call: call.say("word " * 400, pause_s=0.01)]
    asyncio.run(_stopped(make(), handle, lambda: llm.requests))
    deadline = time.monotonic() + 10
    while not llm.broken_pipes and time.monotonic() < deadline:
        time.sleep(0.02)
    assert llm.broken_pipes == 1


def test_a_stop_within_a_tool_makes_no_further_request(make, handle, llm, monkeypatch):
    begun, ended = threading.Event(), threading.Event()

    def slow(self):
        begun.set()
        ended.wait(10)
        return [], False

    monkeypatch.setattr(Library, "listed", slow)
    llm.script = [lambda call: call.call_tools(("list_documents", {}))]
    asyncio.run(_stopped(make(), handle, begun.is_set))
    ended.set()
    assert len(llm.requests) == 1


CHAPTERS = [f"Chapter {n} is about topic{n} and nothing else. ".ljust(500, "x") for n in range(6)]


def add_book(pool, handle) -> None:
    """A document of six passages with 500 characters each."""
    with pool.connection() as conn:
        add_document(conn, handle, "book.md", CHAPTERS)


def test_a_document_that_fits_is_read_whole(make, handle, llm, pool):
    """One call of the model, with every passage of the document and of no other one."""
    llm.script = [lambda call: call.say("A pump with 40 Nm [1].")]
    seen, answer = events(make(), handle, "Summarise pump.md", Depth())
    assert steps(seen) == ["Read pump.md"]
    assert len(llm.requests) == 1
    assert PUMP in llm.prompt()
    assert VALVE not in llm.prompt()
    assert (answer.kind, answer.remarks.looked_in) == ("llm", 1)


def test_a_long_document_is_read_part_by_part(make, handle, llm, pool):
    """Notes of each part, then the answer from the notes, which cites passages of all parts."""
    add_book(pool, handle)

    def note(call):
        """Cites the last passage of its part."""
        count = call.body["messages"][-1]["content"].count("</passage-")
        call.say(f"Topics: topic{len(llm.requests) * 2 - 1} [{count}].")

    llm.script = [note] * 3 + [lambda call: call.say("topic1 [1], topic3 [2] and topic5 [3].")]
    seen, answer = events(make(chars=1000), handle, "Summarise book.md", Depth())
    assert steps(seen) == [
        *(f"Reading book.md: part {n} of 3" for n in (1, 2, 3)),
        "Read book.md in 3 parts",
    ]
    assert answer.remarks.steps == ("Read book.md in 3 parts",)
    assert len(llm.requests) == 4
    assert "Topics: topic5 [3]." in llm.prompt()
    assert [c.text for c in answer.citations] == [CHAPTERS[1], CHAPTERS[3], CHAPTERS[5]]


def test_parts_that_the_budget_leaves_out_are_told(make, handle, llm, pool, monkeypatch):
    add_book(pool, handle)
    monkeypatch.setattr(reading, "MOST_PARTS", 2)
    llm.script = [lambda call: call.say("topic [1].")]
    _, answer = events(make(chars=1000), handle, "Summarise book.md", Depth())
    assert len(llm.requests) == 3
    assert "2 of 3 parts were read" in answer.note


def test_a_document_that_says_nothing_about_it_is_told(make, handle, llm):
    llm.script = [lambda call: call.say("NOT IN THE DOCUMENTS")]
    _, answer = events(make(chars=10), handle, "Summarise pump.md", Depth())
    assert (answer.kind, answer.text) == ("not_found", NOT_FOUND)


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


def test_without_a_language_model_it_says_that_it_did_not_look_deeper(pool, handle):
    answerer = Answerer(pool, top_k=3)
    wanted = answerer.ask("When was the valve tested?", handle=handle, depth=DEEPER)
    assert wanted.note == NOT_DEEPER
    as_asked = answerer.ask("When was the valve tested?", handle=handle)
    assert (as_asked.text, as_asked.note) == (wanted.text, None)
    answerer.close()
