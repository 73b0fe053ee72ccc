"""What a reasoning model thinks, and where its answer begins."""

from __future__ import annotations

import asyncio

import pytest

from pipelines.answering.compose import NOT_FOUND
from pipelines.answering.events import (
    Thinking,
    Token,
    Turn,
)  # fmt: skip
from tests.asking import QUESTION, events


def _thoughtful(call, **field):
    """Thinks in a field of its own, and then answers."""
    call.begin()
    for name, text in field.items():
        for word in text.split(" "):
            call.piece({"delta": {name: f"{word} "}})
    call.piece({"delta": {"content": "It moved there in 2009 [1]."}, "finish_reason": "stop"})
    call.raw(b"data: [DONE]\n\n")
    call.raw(b"")


@pytest.mark.parametrize(
    "step",
    [
        lambda call: call.say("<think>Hm [3]. NOT IN THE DOCUMENTS?</think> It moved there in 2009 [1]."),
        lambda call: call.say("Hm [3], is it?</think> It moved there in 2009 [1]."),
        lambda call: _thoughtful(call, reasoning_content="Hm [3]. Is it so?"),
        lambda call: _thoughtful(call, reasoning="Hm [3]. Is it so?"),
    ],
)  # fmt: skip
def test_thinking_is_no_part_of_the_answer(make, handle, llm, step):
    """In tags or in fields of its own: it is streamed as thinking, and neither cited nor judged."""
    llm.script = [step]
    seen = asyncio.run(events(make(llm), handle, "Where is the head office?"))
    answer = seen[-1].answer
    assert (answer.kind, answer.text) == ("llm", "It moved there in 2009 [1].")
    assert "Hm" in "".join(event.text for event in seen if isinstance(event, Thinking))
    said = ""
    for event in seen:
        if isinstance(event, Thinking) and event.takes_back:
            said = ""
        elif isinstance(event, Token):
            said += event.text
    assert said.strip() == answer.text


def test_refusal_after_thinking_is_a_refusal(make, handle, llm):
    """The word is looked for in the answer alone."""
    llm.script = [lambda call: call.say("<think>Let me see.</think>\nNOT IN THE DOCUMENTS")]
    answer = make(llm).ask(QUESTION, handle=handle)
    assert (answer.kind, answer.text) == ("not_found", NOT_FOUND)


def test_thinking_without_an_answer_is_no_answer(make, handle, llm):
    """A model that never stops thinking has not answered. The documents do."""
    llm.script = [lambda call: call.say("<think>Total revenue was, hm, $17,455 million [1]")]
    answer = make(llm).ask(QUESTION, handle=handle)
    assert answer.kind == "extracts"
    assert "did not answer: it sent an empty answer" in answer.note


def test_rewritten_question_is_what_follows_the_thinking(make, handle, llm):
    """And the answer says what was searched for."""
    llm.script = [
        lambda call: call.say("<think>They mean\n\nrevenue.</think>\n\nWhat was revenue in 2021?"),
        lambda call: call.say("It was $17,455 million [1]."),
    ]
    answer = make(llm).ask("and in 2021?", [Turn("user", "Revenue?")], handle=handle)
    assert answer.question == answer.remarks.searched == "What was revenue in 2021?"
