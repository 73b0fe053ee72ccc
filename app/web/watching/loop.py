"""How late the event loop is. What blocks it makes everybody wait."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from app.live import metrics

EVERY_S = 0.5
# The lag that is reported is the longest of this time, so that no scrape misses one.
SEEN_S = 60
# With a longer lag in the last few seconds, other servers should get the questions.
TOO_LATE_S, LATELY_S = 5.0, 15.0


class LoopWatch:
    """Measures the lag of the loop that `run` runs in. The figures can be read in any thread."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=int(2 * SEEN_S / EVERY_S))
        self._looked = time.monotonic()

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due = time.monotonic() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self.note(time.monotonic() - due)

    def note(self, lag_s: float) -> None:
        """Take one measurement."""
        self._looked = time.monotonic()
        self._seen.append((self._looked, max(0.0, lag_s)))

    def worst_s(self, within_s: float = SEEN_S) -> float:
        """The longest lag of the last seconds, with one that still lasts."""
        now = time.monotonic()
        lasting = max(0.0, now - self._looked - EVERY_S) if self._seen else 0.0
        return max([lasting, *(lag for at, lag in list(self._seen) if now - at <= within_s)])

    @property
    def is_stuck(self) -> bool:
        """Whether the loop was held up for long just now."""
        return self.worst_s(LATELY_S) > TOO_LATE_S

    def show(self) -> None:
        """Report the lag."""
        metrics.loop_lag.set(self.worst_s())
