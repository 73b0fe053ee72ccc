"""
What the language model is told for an answer: the default, what an admin may put in its place, and
the messages that come of it. Pure.

A template is one text with placeholders. It is no programme: nothing in it is carried out, and what
the placeholders bring in is not read for placeholders again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pipelines.errors import InputError
from pipelines.text.clean import typed

Name = Literal["answer", "deeper"]
NAMES: tuple[Name, ...] = get_args(Name)
MOST_CHARS = 8000
# What the model is told to say when the passages do not hold the answer.
REFUSAL = "NOT IN THE DOCUMENTS"
PLACEHOLDERS = {
    "passages": "The passages that were found, each with its number, between its marks.",
    "question": "The question that the model answers.",
    "fence": "A word of the marks around passages, new for each question, so that no document can"
    " guess it and give orders to the model.",
}
_LOST = {
    "passages": "the model would see no passage",
    "question": "the model would not know what is asked",
    "fence": "the model would not be told where quoted text ends, and a document could give it orders",
}
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_CITATION = re.compile(r"\[\d\]")
# The line from which on a template is what the reader says, and no instruction.
_READERS = re.compile(r"(?m)^.*\{\{\s*(?:passages|question)\s*\}\}")


@dataclass(frozen=True)
class Prompts:
    """
    The templates that admins have changed. None: the default.

    :param answer: For answers from passages that were found.
    :param deeper: For answers that the model looks up by itself.
    """

    answer: str | None = None
    deeper: str | None = None

    def template(self, name: Name) -> str:
        """The template that counts."""
        changed = self.answer if name == "answer" else self.deeper
        return default(name) if changed is None else changed


DEFAULT = Prompts()


@cache
def default(name: Name) -> str:
    """The template that Attune comes with."""
    return (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").strip()


def checked(text: str) -> str:
    """
    A template as it is stored.

    :raises InputError: It lacks something that answers need. The message is one sentence.
    """
    text = typed(text.replace("\r\n", "\n")).strip()
    if not text:
        raise InputError("The instructions are empty.")
    if len(text) > MOST_CHARS:
        raise InputError(
            f"The instructions have {len(text):,} characters, and {MOST_CHARS:,} at most."
        )
    named = _PLACEHOLDER.findall(text)
    there = ", ".join(f"{{{{ {name} }}}}" for name in PLACEHOLDERS)
    for name in named:
        if name not in PLACEHOLDERS:
            raise InputError(f"There is no placeholder {{{{ {name[:40]} }}}}, only {there}.")
    for name, lost in _LOST.items():
        if name not in named:
            raise InputError(f"{{{{ {name} }}}} is missing: without it, {lost}.")
    if named.count("passages") > 1:
        raise InputError("{{ passages }} may stand in one place only.")
    if not _CITATION.search(text):
        raise InputError(
            "The instructions do not say how to cite: show a number in square brackets, like [1],"
            " or no answer names its sources."
        )
    if REFUSAL not in text:
        raise InputError(
            f"The words {REFUSAL} are missing: the model has to be told to reply with them when the"
            " passages do not hold the answer."
        )
    return text


def parts(template: str) -> tuple[str, str]:
    """The instructions, and from the line of the passages or the question on, what is asked."""
    begins = _READERS.search(template)
    cut = begins.start() if begins else len(template)
    return template[:cut].strip(), template[cut:].strip()


def filled(template: str, values: Mapping[str, str]) -> str:
    """A part of a template with its placeholders replaced."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
