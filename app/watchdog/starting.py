"""Tells whoever waits for a start that takes long what it is at."""

from __future__ import annotations

import time
from collections.abc import Callable

# Nothing is said before so many seconds, and then every so many.
FIRST_S = 10.0
EVERY_S = 20.0
STEP = "step "


def _say(line: str) -> None:
    print(line, flush=True)


class Starting:
    """Hears the words of a web process that starts, one of them at least every second."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = _say,
    ) -> None:
        self._clock, self._say = clock, say
        self._began = clock()
        self._next_s = FIRST_S
        self._step = "starting the database and loading the model"
        self._over = False

    def hear(self, word: str) -> None:
        """Note which step begins. Say from time to time which one it is."""
        self._over |= word == "ready"
        if word.startswith(STEP):
            self._step = word.removeprefix(STEP)
        spent_s = self._clock() - self._began
        if not self._over and spent_s >= self._next_s:
            self._next_s = spent_s + EVERY_S
            self._say(f"Still starting after {spent_s:.0f} s: {self._step}")
