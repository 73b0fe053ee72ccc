"""
Signs of life of a watched process (`app.watchdog.supervisor`, `app.watchdog.watcher`).

They go through a pipe, one line each. `beat` comes from a Python thread and proves that the
interpreter runs. `loop` comes from the event loop. When they stop, the watcher sends the signal
`DUMP` for a traceback of every thread. faulthandler writes it in C, without the interpreter.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import threading

DUMP = signal.SIGUSR2
EVERY_S = 1.0


class Heartbeat:
    """Tells the watcher that this process is alive, and how far it has got."""

    def __init__(self, fd: int | None) -> None:
        """:param fd: The pipe's write end. Without one nobody watches, and nothing is written."""
        self._fd = fd
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="heartbeat")
        if fd is not None:
            os.set_inheritable(fd, False)
            # A watcher that hangs must not block this process.
            os.set_blocking(fd, False)

    def start(self) -> None:
        """
        Start the heartbeat, before the process lowers its priority: the thread keeps the higher
        one.
        """
        if self._fd is not None:
            # To the real stderr, because a replacement may not be a file.
            faulthandler.register(DUMP, file=sys.__stderr__ or 2, all_threads=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the heartbeat before the descriptor is closed."""
        self._stopping.set()
        self._thread.join()
        self._fd = None

    def tell(self, word: str) -> None:
        """Send one line to the watcher."""
        if (fd := self._fd) is not None:
            # A watcher that has gone or does not read is not waited for.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(fd, f"{word}\n".encode())

    async def keep_looping(self) -> None:
        """Prove that the event loop runs, until cancelled."""
        while True:
            self.tell("loop")
            await asyncio.sleep(EVERY_S)

    def _beat(self) -> None:
        while not self._stopping.is_set():
            self.tell("beat")
            self._stopping.wait(EVERY_S)


UNWATCHED = Heartbeat(None)
