"""
The LLM's part: a streamed answer from numbered passages, and follow-ups rewritten to stand alone.

Only this module retries, and it reports each retry to the reader. Every fault becomes one
`LLMError` with a message that a person understands.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from haystack import Pipeline, component
from haystack.components.builders import AnswerBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import (
    GeneratedAnswer,
    ReasoningContent,
    StreamingChunk,
)  # fmt: skip
from haystack.utils import Secret

from pipelines.answering.components import Found, Immutable, Pose, PoseAgain, Tidy
from pipelines.answering.events import Retrying
from pipelines.answering.llm import LLMOptions, count_tokens, explain, llm_requests, retry
from pipelines.answering.prompts.builders import FromTemplate, fixed
from pipelines.answering.prompts.template import DEFAULT
from pipelines.text.thinking import Part, Thoughts, answer_of

if TYPE_CHECKING:
    from pipelines.answering.events import Turn

ATTEMPTS = 3
# A follow-up that is not rewritten in time is searched unchanged.
REWRITE_ATTEMPTS = 2
REWRITE_TIMEOUT_S = 15
LONGEST_REWRITE = 400

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FollowUp(Immutable):
    """A question with the conversation before it."""

    question: str = field(repr=False)
    turns: Sequence[Turn] = field(repr=False)


@component
class Recall:
    """Prepares the conversation for the prompt."""

    @component.output_types(question=str, turns=list[dict[str, str]])
    def run(self, asked: FollowUp) -> dict[str, Any]:
        """
        Shorten the turns for the prompt.

        :param asked: The follow-up question with its turns.
        :returns: `question`, and `turns` with `role` and at most 1,000 characters of `text`.
        """
        turns = [{"role": turn.role, "text": turn.text[:1000]} for turn in asked.turns]
        return {"question": asked.question, "turns": turns}


class Generation:
    """The chat model with its prompts. Every event loop has its own client."""

    def __init__(self, options: LLMOptions) -> None:
        self.options = options
        # An async client's connections belong to the loop that opened them.
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pipelines] = WeakKeyDictionary()

    async def answer(
        self, found: Found, last: str | None = None, *, is_note: bool = False
    ) -> AsyncGenerator[Part | Retrying | GeneratedAnswer, None]:
        """
        Stream the answer and the thinking before it piece by piece. The last item is the complete
        answer with the passages it cites.

        A model that fails before its first word is tried again. Closing the iterator ends the
        request.

        :param last: The answer before, if the question asks for another form of it.
        :param is_note: What is asked is no reader's question, so that no admin's wishes apply.
        :raises LLMError: The model failed, perhaps after some pieces.
        """
        here = self._here()
        pipeline = here.revise if last is not None else here.note if is_note else here.answer
        deadline = time.monotonic() + self.options.timeout_s
        for attempt in range(1, ATTEMPTS + 1):
            begun = False
            try:
                async with aclosing(self._attempt(pipeline, found, last, deadline)) as pieces:
                    async for piece in pieces:
                        begun = begun or not isinstance(piece, Part) or not piece.is_thought
                        yield piece
                return
            except Exception as error:
                again = None if begun or attempt == ATTEMPTS else retry(error, attempt)
                # A retry is useless unless as much time as the pause is left after it.
                if again is None or time.monotonic() + 2 * again.wait_s >= deadline:
                    raise explain(error, self.options) from error
            yield Retrying(attempt + 1, ATTEMPTS, again.reason)
            await asyncio.sleep(again.wait_s)

    async def _attempt(
        self, pipeline: Pipeline, found: Found, last: str | None, deadline: float
    ) -> AsyncGenerator[Part | GeneratedAnswer, None]:
        """
        Send one request.

        :param deadline: Time by which the first piece must arrive, in monotonic seconds.
        """
        llm_requests.inc()
        pose = {"found": found} if last is None else {"found": found, "last": last}
        handle = pipeline.stream({"pose": pose}, streaming_components=["llm"])
        pieces, thoughts = aiter(handle), Thoughts()
        patience_s = max(0.0, deadline - time.monotonic())
        async with aclosing(pieces):  # type: ignore[type-var]
            while True:
                async with asyncio.timeout(patience_s):
                    piece = await anext(pieces, None)
                if piece is None:
                    break
                patience_s = self.options.timeout_s
                if piece.reasoning:
                    yield Part(piece.reasoning.reasoning_text, is_thought=True)
                for part in thoughts.feed(piece.content):
                    yield part
        for part in thoughts.end():
            yield part
        whole: GeneratedAnswer = handle.result["answers"]["answers"][0]
        count_tokens(whole.meta.get("usage"))
        yield whole

    async def rewrite(self, question: str, turns: Sequence[Turn]) -> str:
        """
        Rewrite a question so that it stands alone. It is returned unchanged if the model fails.
        """
        pipeline = self._here().rewrite
        llm_requests.inc()
        try:
            async with asyncio.timeout(min(REWRITE_TIMEOUT_S, self.options.timeout_s)):
                result = await pipeline.run_async({"recall": {"asked": FollowUp(question, turns)}})
        except Exception as error:
            log.warning("rewriting a follow-up failed: %s", explain(error, self.options))
            return question
        reply = result["llm"]["replies"][0]
        count_tokens(reply.meta.get("usage"))
        text = answer_of(reply.text or "").strip('"')
        return text if text and "\n" not in text and len(text) <= LONGEST_REWRITE else question

    def agent_llm(self) -> OpenAIChatGenerator:
        """The chat model of the running loop for an agent. Its client tries again by itself."""
        return self._here().agent_llm

    async def aclose(self) -> None:
        """Close the client of the running loop."""
        if pipelines := self._loops.pop(asyncio.get_running_loop(), None):
            await pipelines.aclose()

    def _here(self) -> _Pipelines:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = _Pipelines(self.options)
        return self._loops[loop]


class _Pipelines:
    """The pipelines of one event loop, each with its own client."""

    def __init__(self, options: LLMOptions) -> None:
        # In Haystack a component can belong to only one pipeline.
        rewriter = _generator(options, retries=REWRITE_ATTEMPTS - 1, streams=False)
        self.agent_llm = _generator(options, retries=ATTEMPTS - 1)
        answers, notes, revises = (_generator(options) for _ in range(3))
        self._llms = [answers, notes, revises, rewriter, self.agent_llm]
        self.answer = _answering(answers, options.prompts.template("answer"))
        self.note = _answering(notes, DEFAULT.template("answer"))
        self.revise = _revising(revises)
        self.rewrite = _rewriting(rewriter)

    async def aclose(self) -> None:
        """Close the clients."""
        for llm in self._llms:
            await llm.close_async()


def _answering(llm: OpenAIChatGenerator, template: str) -> Pipeline:
    """The pipeline from `Found` to the answer with the documents it cites."""
    variables = ("question", "passages", "fence")
    return _from_pose(Pose(), FromTemplate(template), variables, llm)


def _revising(llm: OpenAIChatGenerator) -> Pipeline:
    """The pipeline from the answer before to another form of it."""
    return _from_pose(PoseAgain(), fixed("revise"), ("request", "answer", "fence"), llm)


def _from_pose(
    pose: Any, prompt: Any, variables: Sequence[str], llm: OpenAIChatGenerator
) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("pose", pose)
    pipeline.add_component("prompt", prompt)
    pipeline.add_component("llm", llm)
    pipeline.add_component("tidy", Tidy())
    pipeline.add_component("answers", AnswerBuilder(reference_pattern=r"\[(\d+)\]"))
    for variable in variables:
        pipeline.connect(f"pose.{variable}", f"prompt.{variable}")
    pipeline.connect("prompt.prompt", "llm.messages")
    pipeline.connect("llm.replies", "tidy.replies")
    pipeline.connect("tidy.replies", "answers.replies")
    pipeline.connect("tidy.meta", "answers.meta")
    pipeline.connect(f"pose.{variables[0]}", "answers.query")
    pipeline.connect("pose.documents", "answers.documents")
    return pipeline


def _rewriting(llm: OpenAIChatGenerator) -> Pipeline:
    """The pipeline from `FollowUp` to replies."""
    pipeline = Pipeline()
    pipeline.add_component("recall", Recall())
    pipeline.add_component("prompt", fixed("rewrite"))
    pipeline.add_component("llm", llm)
    for name in ("question", "turns"):
        pipeline.connect(f"recall.{name}", f"prompt.{name}")
    pipeline.connect("prompt.prompt", "llm.messages")
    return pipeline


class _Generator(OpenAIChatGenerator):
    """Haystack's generator, which also passes on what providers stream as the model's thinking."""

    async def _handle_async_stream_response(self, chat_completion: Any, callback: Any) -> Any:
        told = cast("Any", _Told(chat_completion, callback))
        return await super()._handle_async_stream_response(told, callback)


class _Told:
    """A stream of chunks that tells the thinking in them to a callback."""

    def __init__(self, stream: Any, callback: Any) -> None:
        self._stream, self._callback = stream, callback

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        async for chunk in self._stream:
            if thought := _thought(chunk):
                told = StreamingChunk("", index=0, reasoning=ReasoningContent(thought))
                await self._callback(told)
            yield chunk

    async def close(self) -> None:
        """End the request."""
        await self._stream.close()


def _thought(chunk: Any) -> str:
    """The thinking in a chunk. Providers have two names for it, and OpenAI's client knows neither."""
    delta = chunk.choices[0].delta if chunk.choices else None
    for name in ("reasoning_content", "reasoning"):
        if isinstance(told := getattr(delta, name, None), str) and told:
            return told
    return ""


def _generator(
    options: LLMOptions, *, retries: int = 0, streams: bool = True
) -> OpenAIChatGenerator:
    asks = streams and options.counts_tokens
    return _Generator(
        generation_kwargs={"stream_options": {"include_usage": True}} if asks else None,
        # Local servers need no key, but the client requires one.
        api_key=Secret.from_token(options.api_key or "none"),
        model=options.model,
        api_base_url=options.base_url,
        timeout=options.timeout_s,
        max_retries=retries,
    )
