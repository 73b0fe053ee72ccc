"""The loop in which the language model searches and reads until it answers: Haystack's agent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

from haystack.components.agents import Agent
from haystack.components.agents.state import State
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage, StreamingChunk
from haystack.hooks import FunctionHook

from pipelines.answering.deeper import tools
from pipelines.answering.deeper.budget import CallMeter
from pipelines.answering.deeper.notebook import Notebook
from pipelines.answering.deeper.tools import Tools
from pipelines.answering.events import StepTaken
from pipelines.answering.llm import count_tokens, llm_requests
from pipelines.text.thinking import Part, Thoughts, answer_of

T = TypeVar("T")

# More than any budget. The meter ends the loop without a warning in the log.
MOST_STEPS = 1000


class Look:
    """
    One run of the agent.

    After its end `reply` is the model's answer, or None if the loop ended before it gave a usable one.
    """

    def __init__(
        self,
        llm: OpenAIChatGenerator,
        meter: CallMeter,
        notebook: Notebook,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
    ) -> None:
        self._llm, self._meter, self._notebook = llm, meter, notebook
        self._in_thread = in_thread
        self._told: asyncio.Queue[StepTaken | Part | None] = asyncio.Queue()
        self._thoughts = Thoughts()
        self._has_text = False
        self.reply: ChatMessage | None = None

    def tell(self, step: StepTaken) -> None:
        """Pass on a step that is done."""
        self._told.put_nowait(step)

    async def run(
        self, messages: Sequence[ChatMessage], own: Tools
    ) -> AsyncGenerator[StepTaken | Part, None]:
        """
        The steps and what the model says, as they come. Closing the iterator ends its request.

        Text that it says before a further step is taken back.

        :raises Exception: What the client raised, or what broke in a tool.
        """
        async with aclosing(_following(self._loop(messages, own), self._told)) as pieces:
            async for piece in pieces:
                yield piece

    async def _loop(self, messages: Sequence[ChatMessage], own: Tools) -> None:
        async def before_call(state: State) -> None:
            await self._before_call(state, own)

        agent = Agent(
            chat_generator=self._llm,
            tools=own.every(),
            max_agent_steps=MOST_STEPS,
            tool_concurrency_limit=1,
            hooks={
                "before_llm": [FunctionHook(async_function=before_call)],
                "before_tool": [FunctionHook(_check_calls)],
            },
        )
        result = await agent.run_async(list(messages), streaming_callback=self._take)
        if own.fault is not None:
            raise own.fault
        self._flush()
        count_tokens(result["token_usage"])
        last = result["last_message"]
        if result["exit_reason"] in ("text", "length", "content_filter") and _is_answer(last):
            self.reply = last
        elif self._has_text:
            self._take_back()

    async def _before_call(self, state: State, own: Tools) -> None:
        """Begin a further call of the model, or end the loop if the budget does not allow it."""
        if self._notebook.is_full:
            self._meter.end("characters that are read for one question")
        may_go_on = own.fault is None and await self._in_thread(self._meter.may_go_on)
        if not may_go_on:
            state.set("stop_run", "budget")
            return
        self._flush()
        if self._has_text:
            self._take_back()
        self._thoughts = Thoughts()
        llm_requests.inc()

    async def _take(self, chunk: StreamingChunk) -> None:
        """A piece of what the model sends. Results of tools are told by the tools themselves."""
        if chunk.tool_call_result is not None:
            return
        if chunk.reasoning:
            self._told.put_nowait(Part(chunk.reasoning.reasoning_text, is_thought=True))
        self._say(self._thoughts.feed(chunk.content))

    def _flush(self) -> None:
        self._say(self._thoughts.end())

    def _say(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._has_text = not part.takes_back and (self._has_text or not part.is_thought)
            self._told.put_nowait(part)

    def _take_back(self) -> None:
        self._say([Part("", is_thought=True, takes_back=True)])


def _check_calls(state: State) -> None:
    """Drop calls beyond the first few of a reply, and arguments that cannot be sent back."""
    message = state.data["messages"][-1]
    calls = [
        call if _is_usable(call.arguments) else replace(call, arguments={})
        for call in message.tool_calls[: tools.MOST_AT_ONCE]
    ]
    if calls != message.tool_calls:
        state.data["messages"][-1] = ChatMessage.from_assistant(
            message.text, tool_calls=calls, meta=message.meta
        )


def _is_usable(arguments: object) -> bool:
    """Whether the arguments of a call are an object, without halves of UTF-16 pairs."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return isinstance(arguments, dict)


def _is_answer(message: ChatMessage) -> bool:
    """Whether a reply is an answer: some models write the call of a tool as if it were text."""
    text = answer_of(message.text or "")
    return bool(text) and not any(name in text for name in tools.NAMES)


async def _following(
    work: Coroutine[Any, Any, None], told: asyncio.Queue[T | None]
) -> AsyncGenerator[T, None]:
    """What some work puts into a queue until it ends. Closing the iterator cancels the work."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while (item := await told.get()) is not None:
            yield item
        task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        elif not task.cancelled():
            task.exception()  # else a fault that nobody waits for is logged
