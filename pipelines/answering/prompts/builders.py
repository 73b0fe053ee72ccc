"""Components that make the messages of a request to the language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from haystack import component
from haystack.components.builders import ChatPromptBuilder
from haystack.dataclasses import ChatMessage

from pipelines.answering.prompts import template as templates


@component
class FromTemplate:
    """The messages of a template that an admin may have changed."""

    def __init__(self, template: str) -> None:
        self._parts = templates.parts(template)

    @component.output_types(prompt=list[ChatMessage])
    def run(self, question: str, passages: str, fence: str) -> dict[str, Any]:
        """
        Fill in the template.

        :param passages: All passages, numbered and fenced.
        :param fence: The word of the marks around them.
        :returns: `prompt`, the instructions and what is asked.
        """
        values = {"question": question, "passages": passages, "fence": fence}
        system, user = (templates.filled(part, values) for part in self._parts)
        messages = [ChatMessage.from_system(system)] if system else []
        return {"prompt": [*messages, ChatMessage.from_user(user)]}


def fixed(name: str) -> ChatPromptBuilder:
    """The messages of a prompt that nobody changes, with all its variables required."""

    def text(role: str) -> str:
        return (Path(__file__).parent / f"{name}_{role}.txt").read_text(encoding="utf-8")

    template = [ChatMessage.from_system(text("system")), ChatMessage.from_user(text("user"))]
    return ChatPromptBuilder(template=template, required_variables="*")
