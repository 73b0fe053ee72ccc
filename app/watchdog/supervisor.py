"""
Keeps a child process alive: restarts it with growing pauses when it ends, and kills it when it
freezes.

Light, because it must keep running where the child cannot. A child whose interpreter is stuck
handles no signal and closes no connection, so only another process can notice it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.watchdog.heartbeat import DUMP
from app.watchdog.pulse import TICK_S, Patience, Pulse

# Time for the child to write the tracebacks of its threads.
DUMP_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backoff:
    """
    Seconds before a restart: from `first_s`, doubled up to `longest_s`, reset after a life of
    `well_s`.
    """

    first_s: float = 1
    longest_s: float = 30
    well_s: float = 60


@dataclass(frozen=True)
class Watch:
    """
    What a supervisor does about its child.

    :param on_word: Called with every line that the child sends by its heartbeat.
    :param on_end: Called when a child has ended unasked, with whether it was killed because it
        froze.
    :param must_start: A child that ends before it has ever sent `ready` is not restarted.
    """

    patience: Patience = field(default_factory=Patience)
    backoff: Backoff = field(default_factory=Backoff)
    on_word: Callable[[str], None] = lambda _: None
    on_end: Callable[[bool], None] = lambda _: None
    must_start: bool = False


class Supervisor:
    """
    A thread that runs one child. The child ends when its standard input closes.

    :param command: Returns the command line for the descriptor of the child's heartbeat.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        watch: Watch | None = None,
        *,
        inherited: Sequence[int] = (),
    ) -> None:
        self._name, self._command, self._inherited = name, command, inherited
        self._watch = watch or Watch()
        self._child: subprocess.Popen[bytes] | None = None
        # Guards the child against being started while it is stopped.
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._ready = False
        self._thread = threading.Thread(target=self._run, name=f"{name} supervisor", daemon=True)
        # Set when the child is not restarted although nobody called `stop`. `code` is its exit code.
        self.given_up = threading.Event()
        self.code: int | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, or None if there is no child at the moment."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self) -> None:
        """Start the thread. A second call does nothing."""
        if self._thread.ident is None:
            self._thread.start()

    def begin_stop(self) -> None:
        """Tell the child to end, and start no other."""
        self._stopping.set()
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                self._child.terminate()

    def wait(self, within_s: float) -> None:
        """Wait until the child has ended, or the time is over."""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(within_s)

    def stop(self, within_s: float) -> None:
        """End the child, and kill it if it does not end in time."""
        self.begin_stop()
        child = self._child
        if child is not None:
            try:
                child.wait(within_s)
            except subprocess.TimeoutExpired:
                log.warning("the %s does not end in time and is killed", self._name)
                _kill(child)
        if self._thread.is_alive():
            self._thread.join(1)

    def _run(self) -> None:
        backoff = self._watch.backoff
        pause = backoff.first_s
        while not self._stopping.is_set():
            began = time.monotonic()
            end = self._live()
            if end is None or self.given_up.is_set():
                return
            if time.monotonic() - began >= backoff.well_s:
                pause = backoff.first_s
            log.warning("the %s %s, restart in %.0f s", self._name, end, pause)
            self._stopping.wait(pause)
            pause = min(pause * 2, backoff.longest_s)

    def _live(self) -> str | None:
        """
        Run the child once.

        :returns: How it ended in a few words. None if it was told to end, or was not started at
            all.
        """
        try:
            started = self._start()
        except OSError as error:  # no memory or process id is free, which may change
            return f"cannot be started ({error.strerror})"
        if started is None:
            return None
        child, pulse_fd = started
        try:
            froze = self._follow(child, Pulse(pulse_fd))
        finally:
            os.close(pulse_fd)
        if self._stopping.is_set():
            return None
        self._watch.on_end(froze)
        if not froze and self._watch.must_start and not self._ready:
            self.code = child.returncode
            self.given_up.set()
        return "froze" if froze else f"ended with code {child.returncode}"

    def _start(self) -> tuple[subprocess.Popen[bytes], int] | None:
        """
        Start a child, unless stopping.

        :returns: The child and the read end of its heartbeat pipe, or None.
        """
        with self._lock:
            if self._stopping.is_set():
                return None
            ours, theirs = os.pipe()
            try:
                self._child = subprocess.Popen(
                    self._command(theirs),
                    stdin=subprocess.PIPE,
                    pass_fds=(theirs, *self._inherited),
                    # Ctrl-C at the terminal goes to the parent, which passes it on. The child's own
                    # children are in its group and can be ended with it.
                    start_new_session=True,
                )
            except OSError:
                os.close(ours)
                raise
            finally:
                os.close(theirs)
            return self._child, ours

    def _follow(self, child: subprocess.Popen[bytes], pulse: Pulse) -> bool:
        """
        Wait until the child has ended.

        :returns: Whether it was killed because it froze.
        """
        while True:
            ended = child.poll() is not None
            words = pulse.listen(0 if ended else TICK_S)
            for word in words or ():
                self._ready |= word == "ready"
                self._watch.on_word(word)
            if words is None:
                child.wait()
            if ended or words is None:
                return False
            if self._stopping.is_set():
                continue  # `stop` waits for its end or kills it
            if pulse.silent_s > (limit_s := self._watch.patience.now_s()):
                log.error(
                    "the %s (process %s) is frozen: no sign of life for %.0f s (limit %.0f s). "
                    "Its threads are here:",
                    self._name,
                    child.pid,
                    pulse.silent_s,
                    limit_s,
                )
                show_and_kill(child)
                return True


def show_and_kill(child: subprocess.Popen[bytes]) -> None:
    """Let a frozen child write its tracebacks, then kill it with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, DUMP)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(DUMP_S)
    _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
