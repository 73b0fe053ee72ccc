"""A question to train or evaluate on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """
    A question and the ids of the passages that answer it.

    :param wrong: Passages that a person called wrong for it.
    :param also: Passages that repeat what it asks (`scoring.repeats`): right when found, but not
        learned.
    """

    text: str
    passages: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
