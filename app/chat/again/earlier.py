"""Turns whose place others have taken, because a question was changed or asked again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.store.chats import Message
from pipelines.store.ids import MessageId


def by_answer(
    messages: Sequence[Message], aside: Sequence[Message]
) -> dict[MessageId, list[Message]]:
    """The earlier turns of each answer: those between the answer before and this one."""
    answers = [message.id for message in messages if message.role == "assistant"]
    found: dict[MessageId, list[Message]] = {}
    for message in aside:
        later = next((answer for answer in answers if answer > message.id), None)
        if later is not None:
            found.setdefault(later, []).append(message)
    return found
