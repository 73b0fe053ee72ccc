"""A language model that fails, before its answer or within it."""

from __future__ import annotations

import asyncio
import time

import pytest

from pipelines.answering.compose import NOT_FOUND
from pipelines.answering.events import (
    THEMSELVES,
    Passages,
    Retrying,
    Turn,
)  # fmt: skip
from pipelines.answering.llm import llm_errors
from tests.asking import QUESTION, events


def test_rewrite_that_fails_leaves_the_question(make, handle, llm):
    """A fault while rewriting costs nothing but the rewriting."""
    llm.script = [lambda call: call.fail(400), lambda call: call.say("In 2021 [1].")]
    answer = make(llm).ask("and in 2021?", [Turn("user", "Revenue?")], handle=handle)
    assert (answer.kind, answer.question) == ("llm", "and in 2021?")


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (lambda call: call.fail(401), "refused the key (401)"),
        (lambda call: call.fail(403), "403"),
        (lambda call: call.fail(404), "not known to the provider"),
        (lambda call: call.fail(429, retry_after="0.01"), "got too many requests (429)"),
        (lambda call: call.fail(429, "insufficient_quota", retry_after="0.01"), "no credit left"),
        (lambda call: call.fail(500, retry_after="0.01"), "fault of its own (500)"),
        (lambda call: call.fail(400, "context_length_exceeded"), "so much text"),
        (lambda call: (call.begin(), call.raw(b"data: {nonsense\n\n"), call.raw(b"")), "cannot be read"),
        (lambda call: (call.begin(), call.hang_up()), "connection failed"),
        (lambda call: call.say(""), "sent an empty answer"),
        (lambda call: call.say("[7]"), "sent an empty answer"),
        (lambda call: time.sleep(1.5), "did not answer within 1 seconds"),
        (lambda call: (call.begin(), call.piece({"delta": {"content": "NOT IN"}}), call.hang_up()), "connection failed"),
    ],
)  # fmt: skip
def test_a_model_that_fails_is_done_without(make, handle, llm, step, says):
    """
    Whatever the provider does, the reader gets the answer of a library without a model, after the
    passages, and one plain line that says why.
    """
    extracts = make().ask(QUESTION, handle=handle)
    llm.script = [step]
    patience_s = 1 if "1 seconds" in says else 30  # a busy machine is slow, not wrong
    seen = asyncio.run(events(make(llm, timeout_s=patience_s), handle))
    answer = seen[-1].answer
    assert (answer.kind, answer.text) == ("extracts", extracts.text)
    assert (answer.citations, answer.passages) == (extracts.citations, extracts.passages)
    assert next(e for e in seen if isinstance(e, Passages)).hits
    assert answer.note.startswith("The language model scripted did not answer")
    assert says in answer.note
    assert answer.note.endswith(THEMSELVES)
    assert "secret-detail" not in answer.note
    assert "Traceback" not in answer.note
    assert (answer.llm, answer.has_failed_llm) == (None, True)


def test_a_failed_model_is_counted_once_for_each_request(make, handle, llm):
    """By the kind of its fault, whatever the reader gets in its place. So is an empty answer."""
    for step, kind in (
        (lambda call: call.fail(401), "AuthenticationError"),
        (lambda call: call.say(""), "EmptyAnswer"),
    ):
        llm.script = [step]
        before = llm_errors.labels(kind)._value.get()
        make(llm).ask(QUESTION, handle=handle)
        assert llm_errors.labels(kind)._value.get() == before + 1


def test_a_failed_model_changes_no_refusal(make, handle, llm):
    """What the documents do not hold is still refused. Nothing is said to stand in them."""
    llm.script = [lambda call: call.fail(401)]
    answer = make(llm).ask("Who won the chess tournament in Reykjavik?", handle=handle)
    assert answer.kind == make().ask(answer.question, handle=handle).kind == "not_found"
    assert answer.text == NOT_FOUND
    assert "refused the key (401)" in answer.note
    assert THEMSELVES not in answer.note


def test_a_follow_up_without_its_model_is_read_as_without_any(make, handle, llm):
    """The rewriting fails, too. The conversation counts as it does in a library without a model."""
    history = [
        Turn("user", "What was the total revenue in 2021?"),
        Turn("assistant", "$17,455 million [1]."),
    ]
    llm.script = [lambda call: call.fail(401)]
    answer = make(llm).ask("and where is the head office?", history, handle=handle)
    plain = make().ask("and where is the head office?", history, handle=handle)
    assert (answer.kind, answer.text) == (plain.kind, plain.text)
    assert answer.question == plain.question
    assert "refused the key (401)" in answer.note


def test_a_refusal_before_the_stream_breaks_is_a_refusal(make, handle, llm):
    """The model has said what it had to say."""

    def refuse(call):
        call.begin()
        call.piece({"delta": {"content": "NOT IN THE DOCUMENTS"}})
        call.hang_up()

    llm.script = [refuse]
    answer = make(llm).ask(QUESTION, handle=handle)
    assert (answer.kind, answer.text, answer.note) == ("not_found", NOT_FOUND, None)


def test_busy_provider_is_tried_again(make, handle, llm):
    """It waits as Retry-After says, tries again, and reports that to the reader."""
    busy = lambda call: call.fail(429, retry_after="0.1")  # noqa: E731
    llm.script = [busy, busy, lambda call: call.say("Yes [1].")]
    seen = asyncio.run(events(make(llm), handle, QUESTION))
    assert seen[-1].answer.kind == "llm"
    assert len(llm.requests) == 3
    retries = [event for event in seen if isinstance(event, Retrying)]
    assert retries == [Retrying(2, 3, "is busy"), Retrying(3, 3, "is busy")]


def test_provider_that_asks_for_too_long_a_wait_is_not_waited_for(make, handle, llm):
    """A pause beyond the limit is reported at once."""
    llm.script = [lambda call: call.fail(429, retry_after="300")]
    started = time.monotonic()
    answer = make(llm, timeout_s=60).ask(QUESTION, handle=handle)
    assert time.monotonic() - started < 60
    assert "got too many requests (429)" in answer.note
    assert len(llm.requests) == 1


def test_stream_that_breaks_keeps_what_came(make, handle, llm):
    """Half an answer is kept, with a note that it breaks off and its citations checked."""

    def half(call):
        call.begin()
        call.piece({"delta": {"content": "Total revenue was $17,455 million in 2021 [1]. And"}})
        call.hang_up()

    llm.script = [half]
    answer = make(llm).ask(QUESTION, handle=handle)
    assert answer.kind == "error"
    assert answer.text.startswith("Total revenue was")
    assert answer.note is not None
    assert "breaks off" in answer.note
    assert [c.number for c in answer.citations] == [1]


def test_answer_cut_at_the_length_limit_says_so(make, handle, llm):
    """An answer that reached the model's limit carries a note."""
    llm.script = [lambda call: call.say("Total revenue was", finish="length")]
    answer = make(llm).ask(QUESTION, handle=handle)
    assert answer.kind == "llm"
    assert "length limit" in (answer.note or "")
