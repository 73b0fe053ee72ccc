"""
A child process with limits, for what a broken or hostile file may do: it ends the child, not us.

A child that a file has taken over finds no secrets in its environment, and what it sends is bytes
that are never unpickled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Self

from pipelines.errors import InputError
from pipelines.indexing.converted import ReadLimits
from pipelines.progress import Stopped
from pipelines.system import child_environment

# All that a child gets of the environment. It has keys and passwords, too.
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "TESSDATA_PREFIX",
)  # fmt: skip
# An answer has the text and the places of a file, and no text is longer than the expanded file.
MOST_ANSWER_BYTES = 2_000_000_000


def _is_none(answer: bytes) -> bool:
    return False


class LimitedChild:
    """
    One warm child (its imports take seconds), which is started again when a file has ended it.

    :param program: The child's Python program.
    :param act: What it does to a file, for sentences about limits: *reading it*.
    """

    def __init__(self, limits: ReadLimits, program: str, act: str) -> None:
        self.limits = limits
        self._program, self._act = program, act
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()
        self._abandoned = False

    def _ask(self, *messages: bytes, is_news: Callable[[bytes], bool] = _is_none) -> bytes:
        """
        Send messages and wait for one answer. The caller holds the lock.

        :param is_news: Takes what is no answer yet, but tells how far the child is.
        :raises InputError: Why there is none, for a person.
        :raises Stopped: The child was told to do no more.
        """
        pipe, child = self._running()
        if self._abandoned:
            raise Stopped
        late = threading.Event()

        def end() -> None:
            late.set()
            child.kill()

        # Each of these waits for a child that may hang, the sending of a large file as well, and
        # so may the rest of an answer that has begun: its end ends them all.
        timer = threading.Timer(self.limits.wall_s, end)
        timer.start()
        try:
            for message in messages:
                pipe.send_bytes(message)
            while is_news(answer := pipe.recv_bytes(MOST_ANSWER_BYTES)):
                pass
            return answer
        except (EOFError, OSError):
            if late.is_set():
                self._stop()
                raise InputError(f"{self._act} took longer than {self.limits.wall_s} s") from None
            if self._abandoned:  # it did not end by itself
                raise Stopped from None
            raise InputError(self._obituary()) from None
        except Exception:
            self._stop()  # its answer would be taken for that about the next file
            raise
        finally:
            timer.cancel()

    def _running(self) -> tuple[Connection, subprocess.Popen[bytes]]:
        if self._child is None or self._pipe is None or self._child.poll() is not None:
            self._stop()
            self._pipe, theirs = Pipe()
            limits = json.dumps(vars(self.limits))
            # A fresh interpreter: a fork would share the database's sockets and torch's threads.
            self._child = subprocess.Popen(
                [sys.executable, "-c", self._program, str(theirs.fileno()), limits],
                stdin=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=[theirs.fileno()],
            )
            theirs.close()
        return self._pipe, self._child

    def _obituary(self) -> str:
        """Why the child died, from how it ended."""
        child = self._child
        if child is not None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(10)
        code = child.returncode if child is not None else None
        self._stop()
        if code == -signal.SIGXCPU:
            return f"{self._act} took more than {self.limits.cpu_s} s of CPU time"
        if code in (-signal.SIGKILL, -signal.SIGABRT):
            return f"{self._act} took more than {self.limits.memory_mb} MB of memory"
        return f"the file crashes its reader (exit code {code})"

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait(10)
        if self._pipe is not None:
            self._pipe.close()
        self._child = self._pipe = None

    def abandon(self) -> None:
        """Do no more, from any thread: what is asked, and whatever comes later, raises `Stopped`."""
        self._abandoned = True
        if (child := self._child) is not None:
            child.kill()

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _environment() -> dict[str, str]:
    return child_environment.only(PASSED_ON) | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)
    }


def opened() -> tuple[Connection, ReadLimits]:
    """In a child, before its imports: the pipe to its parent, and its limits."""
    import logging

    pipe, limits = Connection(int(sys.argv[1])), ReadLimits(**json.loads(sys.argv[2]))
    give_up_privileges()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.nice(5)
    logging.disable(logging.ERROR)
    return pipe, limits


def give_up_privileges() -> None:
    """Make sure that no program started from here gains rights, e.g. by setuid."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def limit_memory(more_mb: int) -> None:
    """Let this process take at most so much more address space than it has now."""
    import resource

    import psutil

    limit = psutil.Process().memory_info().vms + more_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def limit_cpu(more_s: int) -> None:
    """Let this process use at most so many more CPU seconds. Then SIGXCPU ends it."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + more_s
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
