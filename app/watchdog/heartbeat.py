"""
Signs of life of a process that is watched (`app.watchdog.supervisor`, `app.watchdog.watcher`).

They go through a pipe, a line each. `beat` comes from a thread of Python, so it proves that the
interpreter runs; `loop` comes from the event loop. Where they stop, the watcher asks by `DUMP` for a
listing of where every thread stands: faulthandler answers in C, without the interpreter.
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
    """Tells whoever watches this process that it lives, and how far it is."""

    def __init__(self, fd: int | None) -> None:
        """:param fd: The pipe's end to write to; None: nobody watches, and nothing is told."""
        self._fd = fd
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="heartbeat")
        if fd is not None:
            os.set_inheritable(fd, False)
            # A watcher that is itself held up must not hold up this process.
            os.set_blocking(fd, False)

    def start(self) -> None:
        """Begin to beat. Before the process lowers its priority: the thread keeps the higher one."""
        if self._fd is not None:
            # To the real one: what a program puts in its place may be no file.
            faulthandler.register(DUMP, file=sys.__stderr__ or 2, all_threads=True)
            self._thread.start()

    def stop(self) -> None:
        """Beat no more: the descriptor is about to be closed."""
        self._stopping.set()
        self._thread.join()
        self._fd = None

    def tell(self, word: str) -> None:
        """Say something in one line."""
        if (fd := self._fd) is not None:
            # Whoever is not there, or does not read, is not waited for.
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
