"""
Measures how long a watched process has been silent. `app.watchdog.heartbeat` is the other end.

Light, because the watching processes import little else.
"""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass

TICK_S = 0.5
# Kinds of signs of life. Each kind that was received once must keep coming.
KINDS = ("beat", "loop")


@dataclass(frozen=True)
class Patience:
    """
    How long a process may be silent.

    Importing a large library blocks the interpreter for seconds, and many times longer on a machine
    that swaps or has more work than cores. So the limit grows with the load, up to `most_s`.
    """

    limit_s: float = 60
    most_s: float = 600

    def now_s(self) -> float:
        """The limit at the machine's present load."""
        crowd = os.getloadavg()[0] / (os.cpu_count() or 1)
        return min(self.most_s, self.limit_s * max(1.0, crowd))


class Pulse:
    """Reads the signs of life of one process from its pipe."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""
        self._silent_s = {"beat": 0.0}

    @property
    def silent_s(self) -> float:
        """Seconds since the sign of life that has been missing longest."""
        return max(self._silent_s.values())

    def listen(self, within_s: float = TICK_S) -> list[str] | None:
        """
        Wait for lines.

        Only time in which this process itself runs is counted. After a stop of both processes, or
        of the whole machine, neither has been silent.

        :returns: The lines received, or None if the process has closed its end.
        """
        began = time.monotonic()
        ready, _, _ = select.select([self._fd], [], [], within_s)
        heard = os.read(self._fd, 65536) if ready else b""
        if ready and not heard:
            return None
        passed = min(time.monotonic() - began, 2 * within_s)
        *lines, self._rest = (self._rest + heard).split(b"\n")
        words = [line.decode(errors="replace") for line in lines]
        for kind in self._silent_s.keys() | (set(words) & set(KINDS)):
            self._silent_s[kind] = 0.0 if kind in words else self._silent_s[kind] + passed
        return words
