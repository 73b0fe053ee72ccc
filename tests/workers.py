"""`attune worker` as a real process with shortened times."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.forking import Forked, fork
from tests.listening import kill_all

T = TypeVar("T")
# Silence is not much shorter than in earnest: a worker is niced, and on a busy machine it loads its
# libraries for seconds without a beat.
TIMES = {
    "beat_s": 0.3, "silent_s": 8, "rescue_s": 0.3, "poll_s": 0.3, "upkeep_s": 0.5, "grace_s": 3,
    "database_s": 1,
}  # fmt: skip


def work(queues: Sequence[str]) -> None:
    """What the process does until it is ended."""
    from app import settings
    from app.worker.crew import Timing
    from app.worker.process import run

    run(settings.load(), queues, timing=Timing(**TIMES))


class Worker:
    """A worker process. Its output is kept for failure messages."""

    def __init__(self, process: Forked, log: Path) -> None:
        self.process, self.out = process, log

    @property
    def log(self) -> str:
        """The output of the worker."""
        return self.out.read_text(errors="replace")

    @property
    def busy(self) -> bool:
        """Whether it has begun a job."""
        return "begins" in self.log

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        self.process.wait()

    def kill_machine(self) -> None:
        """Send SIGKILL to it and everything that it started, as if the machine died."""
        kill_all(self.process)

    def stop(self, within_s: float = 10) -> float:
        """Send SIGTERM and return the seconds until it ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(within_s)
        return time.monotonic() - began


def start(
    home: Path, dsn: str, model: Path, *, queues: str = "documents,index,train", **environment: str
) -> Worker:
    """Start a worker on a database. Whoever starts it ends it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    settings = {
        "ATTUNE_HOME": str(home), "DATABASE_URL": dsn, "ATTUNE_BASE_MODEL": str(model),
        "ATTUNE_WORKER_THREADS": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
        "ATTUNE_DEVICE": "cpu",
    }  # fmt: skip
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"worker-{time.monotonic_ns()}.log"
    log.touch()
    given = {**kept, **settings, **environment}
    return Worker(fork(work, queues.split(","), environment=given, out=log), log)


@contextmanager
def working(
    home: Path, dsn: str, model: Path, *, queues: str = "documents,index,train", **environment: str
) -> Iterator[Worker]:
    """A worker on a database, which ends with the context."""
    worker = start(home, dsn, model, queues=queues, **environment)
    process = worker.process
    try:
        yield worker
    except BaseException:
        print(worker.log)
        raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            worker.kill()


def until(holds: Callable[[], T], within_s: float = 120) -> T:
    """Wait until a condition is true and return its value."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
    return found
