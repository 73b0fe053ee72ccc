"""
Separates what a reasoning model thinks from what it answers. Pure.

Such models write ``<think>...</think>`` before the answer. The end may be missing, and so may the
beginning, where the model's template has written it already. Any tag may arrive in pieces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAMES = ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think")
_OPENINGS = (*(f"<{name}>" for name in _NAMES), "[think]", "<|begin_of_thought|>")
_CLOSINGS = (*(f"</{name}>" for name in _NAMES), "[/think]", "<|end_of_thought|>")
_TAGS = _OPENINGS + _CLOSINGS
_OPENING = re.compile("|".join(map(re.escape, _OPENINGS)), re.IGNORECASE)
_CLOSING = re.compile("|".join(map(re.escape, _CLOSINGS)), re.IGNORECASE)
# A longer run without an end is no tag.
LONGEST_TAG = 24


@dataclass(frozen=True)
class Part:
    """
    A piece of text after separation.

    :param is_thought: Whether it is thinking.
    :param takes_back: Whether all text before it was thinking, too.
    """

    text: str
    is_thought: bool
    takes_back: bool = False


class Thoughts:
    """Separates a text that arrives piece by piece."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._begun = (
            False  # whether the answer has begun, so that white space before it is dropped
        )

    def feed(self, piece: str) -> list[Part]:
        """The parts that are certain now. The beginning of a tag is held back."""
        self._held += piece
        parts: list[Part] = []
        while self._step(parts):
            pass
        cut = _tag_begins(self._held)
        self._add(parts, self._held[:cut])
        self._held = self._held[cut:]
        return parts

    def end(self) -> list[Part]:
        """What was held back, at the end of the text."""
        parts: list[Part] = []
        self._add(parts, self._held)
        self._held = ""
        return parts

    def _step(self, parts: list[Part]) -> bool:
        """Pass the next tag, if there is one."""
        closing = _CLOSING.search(self._held)
        opening = None if self._thinking else _OPENING.search(self._held)
        if opening and not (closing and closing.start() < opening.start()):
            self._add(parts, self._held[: opening.start()])
            self._thinking, self._held = True, self._held[opening.end() :]
            return True
        if closing is None:
            return False
        if not self._thinking:  # its beginning was never written
            parts.append(Part(self._held[: closing.start()], True, takes_back=True))
            self._begun = False
        else:
            self._add(parts, self._held[: closing.start()])
        self._thinking, self._held = False, self._held[closing.end() :]
        return True

    def _add(self, parts: list[Part], text: str) -> None:
        if not self._thinking and not self._begun:
            text = text.lstrip()
        if text:
            self._begun = self._begun or not self._thinking
            parts.append(Part(text, self._thinking))


def answer_of(text: str) -> str:
    """A whole text without what the model thought."""
    thoughts = Thoughts()
    said = ""
    for part in [*thoughts.feed(text), *thoughts.end()]:
        if part.takes_back:
            said = ""
        elif not part.is_thought:
            said += part.text
    return said.strip()


def _tag_begins(text: str) -> int:
    """Where at the end of a text a tag may have begun. Its length if none has."""
    start = max(text.rfind("<", -LONGEST_TAG), text.rfind("[", -LONGEST_TAG))
    if start < 0:
        return len(text)
    tail = text[start:].lower()
    return start if any(tag.startswith(tail) for tag in _TAGS) else len(text)
