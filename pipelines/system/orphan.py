"""Ends a child process when its parent has gone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def _leave() -> None:
    os._exit(1)


def when_parent_ends(act: Callable[[], None] = _leave) -> None:
    """
    Call `act` (by default: exit at once) when standard input closes. The parent has its other end.
    """

    def watch() -> None:
        # Not sys.stdin, because a thread waiting in it makes the interpreter abort at exit.
        while os.read(0, 4096):
            pass
        act()

    threading.Thread(target=watch, daemon=True, name="orphan").start()
