"""How much a deeper look may take: calls of the language model, characters and time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

# Parts of long documents that are read for one question, each with a call of the language model.
MOST_PARTS = 24


@dataclass(frozen=True)
class Budget:
    """
    The most that one question may take.

    :param steps: Calls of the language model, including the last one, which writes the answer.
    :param chars: Characters of documents that it is given at once.
    :param seconds: Time after which no further step begins.
    """

    steps: int = 8
    chars: int = 40_000
    seconds: float = 300


DEFAULT = Budget()


class CallMeter:
    """
    Counts the calls of the language model for one question.

    One call is kept for writing the answer. Whoever asks has counted it already.

    :param most: Calls before the one that writes.
    :param may_call: Counts one more call of the day. It returns False if there are none left.
    """

    def __init__(self, budget: Budget, most: int, may_call: Callable[[], bool]) -> None:
        self._budget, self._most, self._may_call = budget, most, may_call
        self._started = time.monotonic()
        self._calls = 0
        # Why there are no more calls, as the end of "The limit of ... was reached", or None.
        self.ended: str | None = None

    def may_go_on(self) -> bool:
        """Count one more call, if one is left. It reads the database."""
        if self.ended is None:
            self.ended = self._limit()
        if self.ended is None:
            self._calls += 1
        return self.ended is None

    def end(self, limit: str) -> None:
        """Allow no more calls, because another limit was reached."""
        self.ended = self.ended or limit

    def _limit(self) -> str | None:
        if self._calls >= self._most:
            return f"{self._most + 1} calls of the language model"
        if time.monotonic() - self._started >= self._budget.seconds:
            return f"{self._budget.seconds:g} seconds"
        if not self._may_call():
            return "calls of the language model in a day"
        return None
