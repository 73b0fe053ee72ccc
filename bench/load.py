"""
Many people in the chat at once: a real server and real HTTP, with a stub as the language model.

Each visitor opens the page, keeps Gradio's heartbeat open, asks, reads for a while, and asks again.
50 of them are served. 200 ask more than two cores can answer, and questions that cannot be answered
must be refused at once and politely. Questions are headings of the searched documents.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import psutil

from app.access.limits import BUSY
from app.chat.rendering.markup import LABELS
from tests.fakes import LLMCall, scripted_llm
from tests.serving import Served

DOCUMENT = Path(__file__).resolve().parents[2] / "shared/data/zoo/pdf/uber_2021.pdf"
# Distinguishes the stream of an answer from "Searching".
FIRST_WORD = "Certainly"
ANSWER = f"{FIRST_WORD}: the documents say so, and they say it at some length and with figures [1]."
READING_S = (8.0, 16.0)
QUESTIONS = (
    "What was the revenue in 2021?", "How many drivers are there?", "What are the risks of growth?",
    "Which acquisitions were made?", "How are gross bookings defined?", "What does the board decide?",
    "How do I add documents?", "What is a citation?", "Who competes in delivery?",
    "What did the pandemic change?", "How is freight reported?", "What are the legal proceedings?",
)  # fmt: skip


@dataclass
class Seen:
    """What the visitors saw, in seconds and in words."""

    first_token_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One browser, with its own cookie and its own session of Gradio."""

    def __init__(self, url: str, seen: Seen) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=60)
        self._session = uuid4().hex[:12]
        self._seen = seen
        self._events: dict[str, int] = {}
        self._inputs: dict[int, int] = {}  # how many each event takes
        self._heart: asyncio.Task[None] | None = None

    async def come(self) -> None:
        """Open the page as a browser does."""
        page = await self._client.get("/")
        page.raise_for_status()
        told = (await self._client.get("/config")).json()
        for event in told["dependencies"]:
            self._inputs[event["id"]] = len(event["inputs"])
            if event["backend_fn"]:
                self._events.setdefault(event["api_name"], event["id"])
            # The event after an answer. Functions of other components may have the same name.
            if event["trigger_after"] == self._events.get("_ask", -1):
                self._events["after"] = event["id"]
        self._heart = asyncio.create_task(self._beat())
        await self._call("load", [])

    async def ask(self, question: str) -> None:
        """Ask a question and record the result."""
        started = time.perf_counter()
        first: float | None = None
        refused, fault = False, ""
        async for line in self._call_lines("_ask", [question]):
            if first is None and FIRST_WORD in line:
                first = time.perf_counter() - started
            refused |= BUSY in line
            if '"success":false' in line:
                fault = line[:300]
        async for line in self._call_lines("after", []):
            if first is None and LABELS["not_found"] in line:
                first = time.perf_counter() - started
        took = time.perf_counter() - started
        if fault:
            self._seen.errors.append(fault)
        elif refused:
            self._seen.refused_s.append(took)
        elif first is None:
            self._seen.errors.append("neither an answer nor a refusal")
        else:
            self._seen.first_token_s.append(first)
            self._seen.answered_s.append(took)

    async def leave(self) -> None:
        """Close the page."""
        if self._heart is not None:
            self._heart.cancel()
            with suppress(asyncio.CancelledError, httpx.HTTPError):
                await self._heart
        await self._client.aclose()

    async def _beat(self) -> None:
        async with self._client.stream("GET", f"/gradio_api/heartbeat/{self._session}") as stream:
            async for _ in stream.aiter_raw():
                pass

    async def _call(self, name: str, data: list[Any]) -> None:
        async for _ in self._call_lines(name, data):
            pass

    async def _call_lines(self, name: str, data: list[Any]) -> AsyncIterator[str]:
        """The lines that an event sends. The inputs that are not named are empty, as on a new page."""
        event = self._events[name]
        whole = [*data, *[None] * (self._inputs[event] - len(data))]
        body = {"fn_index": event, "data": whole, "session_hash": self._session}
        joined = await self._client.post("/gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            self._seen.errors.append(f"{joined.status_code} {joined.text[:200]}")
            return
        where = {"session_hash": self._session}
        async with self._client.stream("GET", "/gradio_api/queue/data", params=where) as stream:
            async for line in stream.aiter_lines():
                if "close_stream" in line:
                    return
                yield line


@dataclass(frozen=True)
class Load:
    """The visitors' measurements and the server's resources."""

    seen: Seen
    retrieval_s: list[float]
    memory_mb: list[float]

    @property
    def growth(self) -> float:
        """Memory at the end divided by memory when everybody had asked once."""
        middle = self.memory_mb[len(self.memory_mb) // 3 :]
        return float(np.mean(middle[-3:]) / np.mean(middle[:3]))


def run(
    url: str, pid: int, visitors: int, *, questions: int, reading_s: tuple[float, float] = READING_S
) -> Load:
    """Run a crowd of visitors against a server that has started."""
    return asyncio.run(_run(url, pid, visitors, questions, reading_s))


async def _run(
    url: str, pid: int, visitors: int, questions: int, reading_s: tuple[float, float]
) -> Load:
    seen = Seen()
    memory: list[float] = []
    before = _retrievals(url)

    async def one(number: int) -> None:
        own = random.Random(number)
        await asyncio.sleep(own.uniform(0, reading_s[1]))
        visitor = Visitor(url, seen)
        try:
            await visitor.come()
            for _ in range(questions):
                await visitor.ask(own.choice(QUESTIONS))
                await asyncio.sleep(own.uniform(*reading_s))
        except httpx.HTTPError as error:
            seen.errors.append(f"{type(error).__name__} {error}")
        finally:
            await visitor.leave()

    async with _watched(pid, memory):
        await asyncio.gather(*(one(number) for number in range(visitors)))
    return Load(seen, _since(before, _retrievals(url)), memory)


@asynccontextmanager
async def _watched(pid: int, memory: list[float]) -> AsyncIterator[None]:
    """Sample the server's memory twice a second, and raise if the server has gone."""
    process = psutil.Process(pid)

    async def watch() -> None:
        while True:
            memory.append(process.memory_info().rss / 1e6)
            await asyncio.sleep(0.5)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        memory.append(process.memory_info().rss / 1e6)


_BUCKET = re.compile(r'attune_stage_seconds_bucket\{le="([^"]+)",stage="search"\} (\S+)')


def _retrievals(url: str) -> dict[float, float]:
    """The server's histogram of the search stage: count by upper bound in seconds."""
    text = httpx.get(f"{url}/metrics", timeout=30).text
    return {float(bound): float(count) for bound, count in _BUCKET.findall(text)}


def _since(before: dict[float, float], after: dict[float, float]) -> list[float]:
    """The upper bounds of the buckets of all searches between two readings."""
    found: list[float] = []
    for bound in sorted(after):
        until = int(after[bound] - before.get(bound, 0))
        found += [bound] * (until - len(found))
    return found


def speak(call: LLMCall) -> None:
    """A stub that takes half a second for an answer, like a fast model."""
    call.say(ANSWER, pause_s=0.03)


def rows() -> list[dict[str, Any]]:
    """50 visitors are served well. Of 200 nobody gets anything worse than a polite refusal."""
    with tempfile.TemporaryDirectory(prefix="attune-") as folder, scripted_llm() as llm:
        llm.script = [speak]
        server = Served(
            Path(folder),
            OPENAI_BASE_URL=llm.url,
            ATTUNE_LLM="stub",
            ATTUNE_QUESTIONS_PER_MINUTE="0",
        )
        server.start()
        try:
            if DOCUMENT.is_file():
                server.run("ingest", str(DOCUMENT), within_s=600)
            at = (server.url, server.web_pid)
            run(*at, 4, questions=2, reading_s=(0, 1))  # what loads with the first question
            fifty = run(*at, 50, questions=4)
            many = run(*at, 200, questions=4)
        finally:
            server.stop()
    return [*_rows_of_fifty(fifty), *_rows_of_many(many)]


def _rows_of_fifty(load: Load) -> list[dict[str, Any]]:
    seen = load.seen
    how = f"50 visitors, {len(seen.answered_s)} answers, {READING_S[0]:g} to {READING_S[1]:g} s between"
    return [
        _row("load: errors and refusals of 50 visitors", len(seen.errors) + len(seen.refused_s), "",
             0, how),
        _row("load: search stage p95 of 50 visitors", _p95(load.retrieval_s) * 1e3, "ms", 300,
             f"{how}; upper bound of the histogram's bucket"),
        _row("load: first token p95 of 50 visitors", _p95(seen.first_token_s), "s", 1, how),
    ]  # fmt: skip


def _rows_of_many(load: Load) -> list[dict[str, Any]]:
    seen = load.seen
    how = (
        f"200 visitors, {len(seen.answered_s)} answers, {len(seen.refused_s)} refusals, "
        f"{len(seen.errors)} errors"
    )
    return [
        _row("load: errors of 200 visitors", len(seen.errors), "", 0, how),
        _row("load: answer p95 of 200 visitors", _p95(seen.answered_s), "s", None, how),
        _row("load: refusal p95 of 200 visitors", _p95(seen.refused_s), "s", 1, how),
        _row("load: memory at the end over when all had asked", load.growth, "x", 1.1, how),
    ]  # fmt: skip


def _p95(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.95)) if len(values) else 0.0


def _row(name: str, value: float, unit: str, goal: float | None, how: str) -> dict[str, Any]:
    return {
        "name": name, "value": round(float(value), 3), "unit": unit, "goal": goal, "better": "lower",
        "how": how,
    }  # fmt: skip


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
