"""A language model that fails never stands before what the documents say, wherever one asks."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import openai
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from app.actions import keys
from app.actions.keys import KeyWish
from app.actions.llms import registry
from app.actions.llms.registry import ModelWish
from app.web.api import mcp
from tests.corpus import add_document
from tests.fakes import scripted_llm
from tests.serving_app import listening

QUESTION = "How much was the total revenue in 2021?"
FACT = "Total revenue was 17,455 million in 2021. " * 3
WHY = "The language model scripted did not answer: it refused the key (401)."


@pytest.fixture(scope="module")
def llm():
    with scripted_llm() as fake:
        yield fake


@pytest.fixture(scope="module")
def served(module_dsn, tiny_model, tmp_path_factory, llm):
    home = tmp_path_factory.mktemp("home")
    unset = {"llm": None, "openai_base_url": ""}
    with listening(module_dsn, tiny_model, home, lexical_weight=0.9, **unset) as started:
        with started.services.pool.connection() as conn:
            add_document(conn, started.services.replica.current(), "annual.txt", [FACT])
        registry.save(started.services, ModelWish("scripted", llm.url, key="k"), who="ada")
        yield started


@pytest.fixture(scope="module")
def key(served):
    return keys.make(served.services, KeyWish("program", ["ask"], per_minute=0), who="test")


def refuse(call):
    call.fail(401)


def break_off(call):
    """Writes some words, and is gone."""
    call.begin()
    call.piece({"delta": {"content": "It was 17,455 million [1]. And"}})
    call.hang_up()


def asked_by_rest(served, key):
    with served.client(authorization=f"Bearer {key}") as client:
        told = client.post("/api/v1/ask", json={"question": QUESTION})
    assert told.status_code == 200
    return told.json()


def asked_by_openai(served, key, *, stream):
    messages = [{"role": "user", "content": QUESTION}]
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0) as client:
        made: Any = client.chat.completions.create(model="attune", messages=messages, stream=stream)
        if not stream:
            return made.choices[0].message.content, made.choices[0].finish_reason
        chunks = [chunk.choices[0] for chunk in made]
    return "".join(one.delta.content or "" for one in chunks), chunks[-1].finish_reason


def asked_by_mcp(served, key):
    async def call():
        headers = {"authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(f"{served.url}{mcp.PATH}", http_client=http)
            async with Client(transport) as client:
                return await client.call_tool("ask", {"question": QUESTION})

    result = asyncio.run(call())
    assert not result.is_error, result.content
    return result.structured_content


def test_without_a_word_the_documents_answer_everywhere(served, llm, key):
    """By REST, by OpenAI's clients and over MCP: extracts with their sources, and why."""
    llm.script = [refuse]
    for told in (asked_by_rest(served, key), asked_by_mcp(served, key)):
        assert told["kind"] == "extracts"
        assert "17,455 million" in told["answer"]
        assert [one["title"] for one in told["citations"]] == ["annual.txt"]
        assert told["note"].startswith(WHY)
    for stream in (False, True):
        text, reason = asked_by_openai(served, key, stream=stream)
        assert text.startswith("Total revenue was 17,455 million in 2021.")
        assert WHY in text
        assert "Sources:\n[1] annual.txt" in text
        assert reason == "stop"


def test_text_that_is_cut_off_is_kept_everywhere(served, llm, key):
    """With what was cited until then. It is marked as not whole."""
    llm.script = [break_off]
    for told in (asked_by_rest(served, key), asked_by_mcp(served, key)):
        assert told["kind"] == "error"
        assert told["answer"].startswith("It was 17,455 million [1].")
        assert "breaks off here" in told["note"]
        assert len(told["citations"]) == 1
    for stream in (False, True):
        text, reason = asked_by_openai(served, key, stream=stream)
        assert text.startswith("It was 17,455 million [1].")
        assert "breaks off here" in text
        assert reason == "length"


def test_thinking_that_was_sent_as_an_answer_is_followed_by_the_documents(served, llm, key):
    """What a stream has sent cannot be taken back, so what the documents say follows it."""
    llm.script = [lambda call: call.say("Let me see. </think>")]
    text, _ = asked_by_openai(served, key, stream=True)
    assert "Let me see." in text
    assert "\n\nTotal revenue was 17,455 million in 2021." in text
    assert "sent an empty answer" in text
