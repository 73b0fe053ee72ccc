"""
Files to text, in a child process with limits: a broken or hostile file ends the child, not us.

A `Converter` keeps one warm child for many files (its imports take seconds) and starts a new one
when a file has ended it. What the readers find comes back as JSON and becomes a `Converted`. A child
that a file has taken over finds no secrets in its environment, and what it sends is never unpickled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from types import TracebackType

from pipelines.errors import InputError
from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.readers.kinds import mime_of
from pipelines.progress import Stopped

# After a larger file its reader holds memory that is worth giving back.
LARGE_BYTES = 500_000
# All that a child gets of the environment. It has keys and passwords, too.
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "TESSDATA_PREFIX",
)  # fmt: skip
# The answer to a file has its text and its places, and no text is longer than the expanded file.
MOST_ANSWER_BYTES = 2_000_000_000


class Converter:
    """Reads one file after another in a child process. Safe to share between threads."""

    def __init__(self, limits: ReadLimits | None = None) -> None:
        self.limits = limits or ReadLimits()
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._lock = threading.Lock()
        self._abandoned = False

    def convert(self, data: bytes, name: str) -> Converted:
        """
        The text of a file.

        :param name: Its name; the ending tells the type.
        :raises InputError: Why it cannot be read, for a person.
        :raises Stopped: It was told to read no more.
        """
        mime = mime_of(name)
        if not data:
            raise InputError("the file is empty (0 bytes)")
        self.check_size(len(data))
        with self._lock:
            result = self._ask(data, mime)
        if isinstance(result, str):
            raise InputError(result)
        return result

    def check_size(self, size_bytes: int) -> None:
        """:raises InputError: A file of this size is not read."""
        if size_bytes > self.limits.size_mb * 1_000_000:
            raise InputError(
                f"the file has {size_bytes / 1e6:.0f} MB; the limit is {self.limits.size_mb} MB"
            )

    def _ask(self, data: bytes, mime: str) -> Converted | str:
        pipe, child = self._running()
        if self._abandoned:
            raise Stopped
        late = threading.Event()

        def end() -> None:
            late.set()
            child.kill()

        # Each of the two waits for a child that may hang, the sending of a large file as well, and
        # so may the rest of an answer that has begun: its end ends them all.
        timer = threading.Timer(self.limits.wall_s, end)
        timer.start()
        try:
            pipe.send_bytes(mime.encode())
            pipe.send_bytes(data)
            result = parse_answer(pipe.recv_bytes(MOST_ANSWER_BYTES))
        except (EOFError, OSError):
            if late.is_set():
                self._stop()
                return f"reading it took longer than {self.limits.wall_s} s"
            if self._abandoned:  # it did not end by itself
                raise Stopped from None
            return self._obituary()
        except ValueError as error:
            self._stop()
            return f"its reader is damaged: {error}"
        finally:
            timer.cancel()
        return result

    def _running(self) -> tuple[Connection, subprocess.Popen[bytes]]:
        if self._child is None or self._pipe is None or self._child.poll() is not None:
            self._stop()
            self._pipe, theirs = Pipe()
            limits = json.dumps(vars(self.limits))
            # A fresh interpreter: a fork would share the database's sockets and torch's threads.
            self._child = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(theirs.fileno()), limits],
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
            return f"reading it took more than {self.limits.cpu_s} s of CPU time"
        if code in (-signal.SIGKILL, -signal.SIGABRT):
            return f"reading it took more than {self.limits.memory_mb} MB of memory"
        return f"the file crashes its reader (exit code {code})"

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait(10)
        if self._pipe is not None:
            self._pipe.close()
        self._child = self._pipe = None

    def abandon(self) -> None:
        """Read no more, from any thread: what is read, and whatever comes later, raises `Stopped`."""
        self._abandoned = True
        if (child := self._child) is not None:
            child.kill()

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Converter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


# The program of a child.
CHILD = "from pipelines.indexing.convert import serve; serve()"


def _environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def parse_answer(answer: bytes) -> Converted | str:
    """
    What a child sent: the text of a file, or why it cannot be read.

    :raises ValueError: It is neither, so the child is not itself any more.
    """
    try:
        value = json.loads(answer.decode("utf-8", "surrogatepass"))
        return value if isinstance(value, str) else Converted.from_json(value)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError("its answer cannot be read") from error


def _send(pipe: Connection, result: Converted | str) -> None:
    value = result if isinstance(result, str) else vars(result)
    pipe.send_bytes(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _give_up_privileges() -> None:
    """Make sure that no program started from here gains rights, e.g. by setuid."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def serve() -> None:
    """The child: one file after another, until the parent goes."""
    import logging

    import psutil

    pipe, limits = Connection(int(sys.argv[1])), ReadLimits(**json.loads(sys.argv[2]))
    _give_up_privileges()

    from pipelines.embedder import memory
    from pipelines.indexing.readers import read as readers
    from pipelines.indexing.readers.members import why

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.nice(5)
    logging.disable(logging.ERROR)
    readers.warm()
    limit_memory(psutil.Process().memory_info().vms, limits.memory_mb)
    while True:
        try:
            mime, data = pipe.recv_bytes().decode(), pipe.recv_bytes()
        except EOFError:
            return
        limit_cpu(limits.cpu_s)
        try:
            _send(pipe, readers.read(data, mime, limits))
        except MemoryError:
            _send(pipe, f"reading it took more than {limits.memory_mb} MB of memory")
        except Exception as error:  # whatever a damaged file makes a parser raise
            _send(pipe, why(error))
        if len(data) > LARGE_BYTES:
            memory.give_back()


def limit_memory(used_bytes: int, more_mb: int) -> None:
    """Let this process take at most so much more address space."""
    import resource

    limit = used_bytes + more_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def limit_cpu(more_s: int) -> None:
    """Let this process use at most so many more CPU seconds. Then SIGXCPU ends it."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + more_s
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
