"""Deeper looks with a model that lacks tools, is away or hostile, and that are stopped."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest

from pipelines.answering.answer import Answerer
from pipelines.answering.compose import NOT_DEEPER
from pipelines.answering.deeper.library import Library
from pipelines.answering.deeper.looking import NO_TOOLS
from pipelines.answering.events import Thinking, Token
from tests.looking import DEEPER, LIST, events, results, steps
from tests.workers import until


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
    llm.script = [lambda call: call.say("word " * 6000, pause_s=0.01)]
    asyncio.run(_stopped(make(), handle, lambda: llm.requests))
    until(lambda: llm.broken_pipes)
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


def test_without_a_language_model_it_says_that_it_did_not_look_deeper(pool, handle):
    answerer = Answerer(pool, top_k=3)
    wanted = answerer.ask("When was the valve tested?", handle=handle, depth=DEEPER)
    assert wanted.note == NOT_DEEPER
    as_asked = answerer.ask("When was the valve tested?", handle=handle)
    assert (as_asked.text, as_asked.note) == (wanted.text, None)
    answerer.close()
