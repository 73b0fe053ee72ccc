"""What a child process does when whoever started it is gone: it ends, too."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def _leave() -> None:
    os._exit(1)


def when_parent_ends(act: Callable[[], None] = _leave) -> None:
    """Act (end at once) when standard input closes: its other end is the parent's."""

    def watch() -> None:
        # Not sys.stdin: a thread that waits in it makes the interpreter abort at its end.
        while os.read(0, 4096):
            pass
        act()

    threading.Thread(target=watch, daemon=True, name="orphan").start()
