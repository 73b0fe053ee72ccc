"""
How long a watched process has been silent (`app.watchdog.heartbeat` is its side of it).

Light: the processes that watch import nothing else.
"""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass

TICK_S = 0.5
# Of these, each one that was heard once has to be heard again.
KINDS = ("beat", "loop")


@dataclass(frozen=True)
class Patience:
    """
    How long a silence is no cause for worry.

    Imports of large libraries keep the interpreter to themselves for seconds, and where a machine
    has more work than cores or swaps, for many times as long: so the limit grows with the load,
    up to `most_s`.
    """

    limit_s: float = 60
    most_s: float = 600

    def now_s(self) -> float:
        """The limit by the machine's load at this moment."""
        crowd = os.getloadavg()[0] / (os.cpu_count() or 1)
        return min(self.most_s, self.limit_s * max(1.0, crowd))


class Pulse:
    """Listens to one process at its pipe."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""
        self._silent_s = {"beat": 0.0}

    @property
    def silent_s(self) -> float:
        """Seconds since the sign of life that has been missing for longest."""
        return max(self._silent_s.values())

    def listen(self, within_s: float = TICK_S) -> list[str] | None:
        """
        Wait for lines; those that came. None: the process has closed its end.

        Time is counted only as far as this process runs itself: after a stop of both, or of the
        whole machine, nobody has been silent.
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
