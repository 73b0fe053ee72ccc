"""Questions about the harbour, and a scripted language model that answers them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests import harbour
from tests.fakes import LLMCall, ScriptedLLM, scripted_llm
from tests.serving import Served

COST = "How much did the ferry terminal cost?"
COST_ANSWER = "Building the terminal cost 4.2 million pounds, a third of it paid by the county [1]."
SLOW_COST = "What did the ferry terminal cost, told slowly?"
SLOW = "Tell me everything about Saltmere, slowly"
BUSY = "Which ferries leave the harbour of Saltmere?"
ABSENT = "What is the boiling point of mercury?"
HOSTILE = "What is the tariff of the dry dock?"
HOSTILE_ANSWER = (
    'See <img src="http://203.0.113.9/a.png" onerror="document.title=1"> '
    "![ship](http://203.0.113.9/b.png) [here](javascript:document.title=1) "
    "<script>document.title=1</script> http://203.0.113.9/c [1]."
)


def speak(call: LLMCall) -> None:
    """What the scripted model says, by the question at the end of its prompt."""
    prompt = call.body["messages"][-1]["content"]
    if not call.body.get("stream"):
        call.say(SLOW if SLOW in prompt else "How much did Saltmere's ferry terminal cost?")
    elif call.body.get("tools"):
        _look(call)
    elif SLOW in prompt:
        call.say("Saltmere is a harbour [1]. " + "It goes on and on. " * 200, pause_s=0.1)
    elif SLOW_COST in prompt:
        call.say(COST_ANSWER + " It was money well spent." * 10, pause_s=0.2)
    elif BUSY in prompt:
        _hesitate(call)
    elif ABSENT in prompt:
        call.say("NOT IN THE DOCUMENTS")
    elif HOSTILE in prompt:
        call.say(HOSTILE_ANSWER)
    else:
        call.say(COST_ANSWER, pause_s=0.03)


_looks: list[str] = []


def _look(call: LLMCall) -> None:
    """The first of two looks begins and does not end. The second searches and then answers."""
    if call.body["messages"][-1]["role"] == "tool":
        passages = " ".join(call.body["messages"][1]["content"].split()).split("<passage-")
        (cost,) = (passage for passage in passages if "4.2 million" in passage)
        number = re.search(r'number="(\d+)"', cost)[1]
        call.say(f"The terminal cost 4.2 million pounds [{number}].", pause_s=0.1)
        return
    _looks.append("begun")
    if len(_looks) % 2 == 0:
        call.call_tools(("search_documents", {"query": "ferry"}))
        return
    call.begin()
    for _ in range(600):
        call.raw(b": thinking\n\n")
        time.sleep(0.1)


_refused: list[str] = []


def _hesitate(call: LLMCall) -> None:
    """Is busy at first, falls silent after some words, and ends."""
    if not _refused:
        _refused.append(BUSY)
        call.fail(429, retry_after="20")
        return
    call.begin()
    call.piece({"delta": {"content": "Ferries to Orrin Island "}})
    time.sleep(20)
    call.piece({"delta": {"content": "leave every 40 minutes [1]."}, "finish_reason": "stop"})
    call.raw(b"data: [DONE]\n\n")
    call.raw(b"")


@contextmanager
def served() -> Iterator[tuple[Served, ScriptedLLM]]:
    """A server with two documents, and the language model that it asks."""
    with scripted_llm() as llm:
        llm.script = [speak]
        with harbour.served(OPENAI_BASE_URL=llm.url, ATTUNE_LLM="scripted") as server:
            yield server, llm
