"""
The LLM's part: a streamed answer from numbered passages, and follow-ups rewritten to stand alone.

Retries belong in here and to nothing above: whoever waits is told of each. What goes wrong comes out as one
`ProviderError` whose message a person understands.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from haystack import Pipeline, component
from haystack.components.builders import AnswerBuilder, ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage, GeneratedAnswer
from haystack.utils import Secret

from pipelines.answering.components import Found, Pose, Shared, Tidy
from pipelines.answering.events import Retrying
from pipelines.answering.llm import LLMOptions, explain, retry

if TYPE_CHECKING:
    from pipelines.answering.events import Turn

ATTEMPTS = 3
# A follow-up that cannot be rewritten is searched as it is; nobody is kept waiting for it.
REWRITE_ATTEMPTS = 2
REWRITE_TIMEOUT_S = 15
LONGEST_REWRITE = 400

_PROMPTS = Path(__file__).parent / "prompts"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FollowUp(Shared):
    """A question and what was said before it."""

    question: str = field(repr=False)
    turns: Sequence[Turn] = field(repr=False)


@component
class Recall:
    """The conversation, as the prompt takes it."""

    @component.output_types(question=str, turns=list[dict[str, str]])
    def run(self, asked: FollowUp) -> dict[str, Any]:
        turns = [{"role": turn.role, "text": turn.text[:1000]} for turn in asked.turns]
        return {"question": asked.question, "turns": turns}


class Generation:
    """The chat model behind its prompts. Every event loop gets its own client."""

    def __init__(self, options: LLMOptions) -> None:
        self._options = options
        # An async client's connections belong to the loop that opened them.
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pipelines] = WeakKeyDictionary()

    async def answer(self, found: Found) -> AsyncGenerator[str | Retrying | GeneratedAnswer, None]:
        """
        The answer piece by piece; the last item is the whole, with the passages it cites.

        A model that fails before its first word is asked again. Closing the iterator ends the request.

        :raises ProviderError: The model failed; pieces may have come before.
        """
        deadline = time.monotonic() + self._options.timeout_s
        for attempt in range(1, ATTEMPTS + 1):
            begun = False
            try:
                async with aclosing(self._attempt(found, deadline)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except Exception as error:
                again = None if begun or attempt == ATTEMPTS else retry(error, attempt)
                # After the pause there has to be as much time again, or it was for nothing.
                if again is None or time.monotonic() + 2 * again.wait_s >= deadline:
                    raise explain(error, self._options) from error
            yield Retrying(attempt + 1, ATTEMPTS, again.reason)
            await asyncio.sleep(again.wait_s)

    async def _attempt(
        self, found: Found, deadline: float
    ) -> AsyncGenerator[str | GeneratedAnswer, None]:
        """
        One request.

        :param deadline: When the first piece has to be there, in monotonic seconds.
        """
        handle = self._here().answer.stream(
            {"pose": {"found": found}}, streaming_components=["llm"]
        )
        pieces = aiter(handle)
        patience_s = max(0.0, deadline - time.monotonic())
        async with aclosing(pieces):  # type: ignore[type-var]
            while True:
                async with asyncio.timeout(patience_s):
                    piece = await anext(pieces, None)
                if piece is None:
                    break
                patience_s = self._options.timeout_s
                if piece.content:
                    yield piece.content
        whole: GeneratedAnswer = handle.result["answers"]["answers"][0]
        yield whole

    async def rewrite(self, question: str, turns: Sequence[Turn]) -> str:
        """The question so that it stands alone; unchanged when the model fails."""
        pipeline = self._here().rewrite
        try:
            async with asyncio.timeout(min(REWRITE_TIMEOUT_S, self._options.timeout_s)):
                result = await pipeline.run_async({"recall": {"asked": FollowUp(question, turns)}})
        except Exception as error:
            log.warning("rewriting a follow-up failed: %s", explain(error, self._options))
            return question
        text = (result["llm"]["replies"][0].text or "").strip().strip('"')
        return text if text and "\n" not in text and len(text) <= LONGEST_REWRITE else question

    async def aclose(self) -> None:
        """Close the client of the running loop."""
        if pipelines := self._loops.pop(asyncio.get_running_loop(), None):
            await pipelines.aclose()

    def _here(self) -> _Pipelines:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = _Pipelines(self._options)
        return self._loops[loop]


class _Pipelines:
    """The two pipelines of one event loop, each with a client of its own."""

    def __init__(self, options: LLMOptions) -> None:
        # Haystack lets a component belong to one pipeline only.
        self._llms = [_generator(options), _generator(options, retries=REWRITE_ATTEMPTS - 1)]
        self.answer = _answering(self._llms[0])
        self.rewrite = _rewriting(self._llms[1])

    async def aclose(self) -> None:
        """Close both clients."""
        for llm in self._llms:
            await llm.close_async()


def _answering(llm: OpenAIChatGenerator) -> Pipeline:
    """Found -> answer with the documents it cites."""
    pipeline = Pipeline()
    pipeline.add_component("pose", Pose())
    pipeline.add_component("prompt", _prompt("answer"))
    pipeline.add_component("llm", llm)
    pipeline.add_component("tidy", Tidy())
    pipeline.add_component("answers", AnswerBuilder(reference_pattern=r"\[(\d+)\]"))
    for name in ("question", "passages", "fence"):
        pipeline.connect(f"pose.{name}", f"prompt.{name}")
    pipeline.connect("prompt.prompt", "llm.messages")
    pipeline.connect("llm.replies", "tidy.replies")
    pipeline.connect("tidy.replies", "answers.replies")
    pipeline.connect("tidy.meta", "answers.meta")
    pipeline.connect("pose.question", "answers.query")
    pipeline.connect("pose.documents", "answers.documents")
    return pipeline


def _rewriting(llm: OpenAIChatGenerator) -> Pipeline:
    """FollowUp -> replies."""
    pipeline = Pipeline()
    pipeline.add_component("recall", Recall())
    pipeline.add_component("prompt", _prompt("rewrite"))
    pipeline.add_component("llm", llm)
    for name in ("question", "turns"):
        pipeline.connect(f"recall.{name}", f"prompt.{name}")
    pipeline.connect("prompt.prompt", "llm.messages")
    return pipeline


def _prompt(name: str) -> ChatPromptBuilder:
    def text(role: str) -> str:
        return (_PROMPTS / f"{name}_{role}.txt").read_text(encoding="utf-8")

    template = [ChatMessage.from_system(text("system")), ChatMessage.from_user(text("user"))]
    return ChatPromptBuilder(template=template, required_variables="*")


def _generator(options: LLMOptions, *, retries: int = 0) -> OpenAIChatGenerator:
    return OpenAIChatGenerator(
        # Local servers want no key, the client wants one anyway.
        api_key=Secret.from_token(options.api_key or "none"),
        model=options.model,
        api_base_url=options.base_url,
        timeout=options.timeout_s,
        max_retries=retries,
    )
