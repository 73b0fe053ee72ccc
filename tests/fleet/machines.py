"""The machines of a fleet: web servers, workers and a trainer, each with a home of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from app import queue
from tests import workers
from tests.listening import free_port
from tests.serving import Served
from tests.workers import Worker, until

READY_S = 240.0
STOP_S = 60.0


class Machine(Protocol):
    """One process with its children, as if on a machine of its own."""

    name: str

    def start(self) -> None:
        """Start it and wait until it is ready."""

    def kill(self) -> None:
        """Send SIGKILL to everything on it."""

    def end(self) -> None:
        """Send SIGTERM and wait until it has ended."""


class WebMachine:
    """`attune serve --no-worker` on a fixed port."""

    def __init__(self, name: str, home: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._served = Served(home, port=self.port, **environment)
        home.mkdir(parents=True)

    def start(self) -> None:
        """Start the server and wait until it reports that it is ready."""
        kept = self._served.home / "serve.log"
        if kept.exists():
            kept.rename(kept.with_name(f"serve-{time.monotonic_ns()}.log"))
        self._served.start(within_s=READY_S)

    def kill(self) -> None:
        """Send SIGKILL to the server and its children."""
        self._served.kill()

    def end(self) -> None:
        """Send SIGTERM and wait until it has ended."""
        if self._served.running:
            self._served.stop(within_s=STOP_S)


class WorkMachine:
    """A worker of some queues, which notices earlier than usual that another one was killed."""

    def __init__(
        self, name: str, home: Path, environment: dict[str, str], queues: Sequence[str]
    ) -> None:
        self.name = name
        self._home, self._environment, self._queues = home, dict(environment), queues
        self._dsn = self._environment.pop("DATABASE_URL")
        self._base = Path(self._environment.pop("ATTUNE_BASE_MODEL"))
        self._worker: Worker | None = None

    def start(self) -> None:
        """Start the worker and wait until it works."""
        self._worker = worker = workers.start(
            self._home, self._dsn, self._base, queues=",".join(self._queues), **self._environment
        )

        def works() -> bool:
            assert worker.process.poll() is None, worker.log
            return "works on" in worker.log

        until(works, READY_S)

    def has_begun(self, job_id: int) -> bool:
        """Whether this machine took the job since its last start."""
        return self._worker is not None and f"job {job_id} begins" in self._worker.log

    def kill(self) -> None:
        """Send SIGKILL to the worker and what it started."""
        assert self._worker is not None
        self._worker.kill_machine()

    def end(self) -> None:
        """Send SIGTERM and wait until it has ended."""
        if self._worker is not None and self._worker.process.poll() is None:
            self._worker.stop(STOP_S)


class Fleet:
    """All machines on one database."""

    def __init__(self, home: Path, environment: dict[str, str], *, webs: int, workers: int) -> None:
        self.webs = [WebMachine(f"web{n}", home / f"web{n}", environment) for n in range(webs)]
        self.workers = [
            WorkMachine(f"worker{n}", home / f"worker{n}", environment, _NO_TRAINING)
            for n in range(workers)
        ]
        self.trainer = WorkMachine("trainer", home / "trainer", environment, [queue.TRAIN])

    @property
    def machines(self) -> list[Machine]:
        """All of them."""
        return [*self.webs, *self.workers, self.trainer]

    def start_together(self) -> float:
        """Start all at the same moment, and return the seconds until the last one is ready."""
        began = time.monotonic()
        with ThreadPoolExecutor(len(self.machines)) as threads:
            list(threads.map(lambda machine: machine.start(), self.machines))
        return time.monotonic() - began

    def close(self) -> None:
        """End all at the same moment, and kill those that do not end."""

        def end(machine: Machine) -> None:
            try:
                machine.end()
            except Exception:
                machine.kill()

        with ThreadPoolExecutor(len(self.machines)) as threads:
            list(threads.map(end, self.machines))


_NO_TRAINING = [name for name in queue.QUEUES if name != queue.TRAIN]
