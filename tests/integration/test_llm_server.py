"""Chat and streaming against a real OpenAI-compatible server: `transformers serve`, random weights."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from pipelines.answering.answer import Answerer
from pipelines.answering.events import Done, Token, Turn
from pipelines.answering.llm import LLMOptions
from tests.corpus import add_document
from tests.fakes import build_tiny_llm
from tests.listening import free_port, kill_all, wait_for
from tests.versions import first_handle

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """URL and model name of a server on loopback."""
    home = tmp_path_factory.mktemp("serve")
    model = build_tiny_llm(home / "llm")
    cache = home / "cache"  # without it the server fails to list models
    cache.mkdir()
    port = free_port()
    command = [Path(sys.executable).with_name("transformers"), "serve", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--device", "cpu"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(process, f"http://127.0.0.1:{port}/v1/models", home / "log")
        yield f"http://127.0.0.1:{port}/v1", str(model)
    finally:
        kill_all(process)


@pytest.fixture
def llm(server):
    url, model = server
    return LLMOptions(model, base_url=url, timeout_s=60)


@pytest.fixture
def answerer(pool):
    answerer = Answerer(pool, top_k=2)
    yield answerer
    answerer.close()


@pytest.fixture
def handle(pool, tiny_model, tmp_path):
    with pool.connection() as conn:
        handle = first_handle(conn, tiny_model, tmp_path)
        add_document(conn, handle, "a.txt", ["Total revenue was 17,455 in 2021. It rained."])
    return handle


def test_answer_streams_from_a_real_server(answerer, handle, llm):
    """Tokens of a real model arrive one by one, and the whole answer can be stored as text."""

    async def collect():
        async with aclosing(answerer.stream("Total revenue?", handle=handle, llm=llm)) as stream:
            events = [event async for event in stream]
        await answerer.aclose()
        return events

    events = asyncio.run(collect())
    answer = events[-1].answer
    assert isinstance(events[-1], Done)
    assert answer.kind == "llm"
    assert len([e for e in events if isinstance(e, Token)]) > 3
    assert answer.text
    assert "\x00" not in answer.text


def test_follow_up_and_unknown_model(answerer, handle, llm, server):
    """A follow-up is sent for rewriting. Without the model that was named the documents answer."""
    answer = answerer.ask("and then?", [Turn("user", "Revenue?")], handle=handle, llm=llm)
    assert answer.kind == "llm"
    assert answer.timings_ms["rewrite"] > 0
    lost = LLMOptions("/no/such/model", base_url=server[0], timeout_s=30)
    failed = answerer.ask("Total revenue?", handle=handle, llm=lost)
    assert failed.kind == "extracts"
    assert failed.note.startswith("The language model")
    assert failed.passages
