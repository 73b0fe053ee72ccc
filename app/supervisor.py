"""Keeps a child process alive: starts it again whenever it ends, each time a little later."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backoff:
    """Seconds before the next start: from `first_s`, doubling to `longest_s`; anew after `well_s` of life."""

    first_s: float = 1
    longest_s: float = 30
    well_s: float = 60


class Supervisor:
    """A thread that holds one child. The child ends when its standard input closes."""

    def __init__(self, name: str, command: Sequence[str], backoff: Backoff | None = None) -> None:
        self._name, self._command = name, list(command)
        self._backoff = backoff or Backoff()
        self._child: subprocess.Popen[bytes] | None = None
        # Guards the child against being started while it is stopped.
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name} supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the child; None: there is none at the moment."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def begin_stop(self) -> None:
        """Tell the child to end, and start no other."""
        self._stopping.set()
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                self._child.terminate()

    def stop(self, within_s: float) -> None:
        """End the child, by force if it does not in time."""
        self.begin_stop()
        child = self._child
        if child is not None:
            try:
                child.wait(within_s)
            except subprocess.TimeoutExpired:
                log.warning("the %s does not end in time; it is killed", self._name)
                child.kill()
                child.wait()
        if self._thread.is_alive():
            self._thread.join(1)

    def _run(self) -> None:
        pause = self._backoff.first_s
        while (child := self._start()) is not None:
            began = time.monotonic()
            code = child.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - began >= self._backoff.well_s:
                pause = self._backoff.first_s
            log.warning("the %s ended with code %s; next start in %.0f s", self._name, code, pause)
            self._stopping.wait(pause)
            pause = min(pause * 2, self._backoff.longest_s)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """A new child; None: there shall be none."""
        with self._lock:
            if self._stopping.is_set():
                return None
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                # Ctrl-C at the terminal is for the parent, which passes it on.
                start_new_session=True,
            )
            return self._child
