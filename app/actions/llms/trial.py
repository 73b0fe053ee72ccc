"""A trial of a language model: one short request, and what came back in a sentence."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.services import Services
from pipelines.answering.llm import LLMOptions, explain, llm_requests
from pipelines.store import active

if TYPE_CHECKING:
    from openai import AsyncOpenAI

REQUEST = "Reply with one short sentence that says that you are ready."
# As long as a local model may need to be loaded.
MOST_S = 30.0
SHOWN_CHARS, SHOWN_NAMES = 120, 5
ADDRESS_HINT = "Addresses of language models often end in /v1."


@dataclass(frozen=True)
class LLMTrial:
    """What came of a trial, in a sentence. `seconds` is how long it took."""

    works: bool
    sentence: str
    seconds: float


def run(services: Services, options: LLMOptions, *, who: str) -> LLMTrial:
    """Send one short request. It ends within half a minute, and whatever happens is told."""
    with services.pool.connection() as conn:
        detail = {"model": options.model, "address": options.base_url or ""}
        active.add_audit(conn, who, "test language model", detail)
    return asyncio.run(_tried(options))


async def _tried(options: LLMOptions) -> LLMTrial:
    from openai import AsyncOpenAI

    started = time.perf_counter()
    bounded = LLMOptions(
        options.model, options.api_key, options.base_url, min(MOST_S, options.timeout_s)
    )
    client = AsyncOpenAI(
        api_key=options.api_key or "none",
        base_url=options.base_url,
        timeout=bounded.timeout_s,
        max_retries=0,
    )
    async with client:
        try:
            async with asyncio.timeout(bounded.timeout_s):
                text = await _answer(client, options.model)
        except Exception as error:
            sentence = f"{explain(error, bounded)}{await _hint(client, error)}"
            return LLMTrial(False, sentence, time.perf_counter() - started)
    seconds = time.perf_counter() - started
    if not text:
        return LLMTrial(False, f"It answered without any text. {ADDRESS_HINT}", seconds)
    shown = text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
    return LLMTrial(True, f"It answered after {seconds:.1f} s: “{shown}”", seconds)


async def _answer(client: AsyncOpenAI, model: str) -> str:
    """The beginning of what the model says, as answers ask for it: streamed."""
    llm_requests.inc()
    text = ""
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": REQUEST}], stream=True
    )
    async with stream:
        async for chunk in stream:
            delta = chunk.choices[0].delta if chunk.choices else None
            text += (delta.content or "") if delta is not None else ""
            if len(text) > 2 * SHOWN_CHARS:
                break
    return " ".join(text.split())


async def _hint(client: AsyncOpenAI, error: Exception) -> str:
    """What to do about a model that is not known there."""
    from openai import NotFoundError, OpenAIError

    if not isinstance(error, NotFoundError):
        return ""
    try:
        async with asyncio.timeout(5):
            names = [model.id async for model in client.models.list()]
    except (OpenAIError, TimeoutError, ValueError):
        return f" {ADDRESS_HINT}"
    if not names:
        return f" It lists no models. {ADDRESS_HINT}"
    more = ", …" if len(names) > SHOWN_NAMES else ""
    return f" There is: {', '.join(names[:SHOWN_NAMES])}{more}."
