"""Processes that start at once: a server that has loaded their libraries forks them."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

# Loading these takes longer than most tests. There is one such server a process, for all tests.
LIBRARIES = [
    "app.cli.main", "app.services", "app.worker.process", "app.worker.tasks",
    "sentence_transformers", "training.finetune", "training.finetune.methods.trainer",
]  # fmt: skip
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(LIBRARIES)
ROOT = Path(__file__).resolve().parents[1]


class Forked:
    """A process, with what tests use of `subprocess.Popen`."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        """As of `subprocess.Popen`."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """
        Wait until it has ended.

        :raises subprocess.TimeoutExpired: It has not.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self._process.kill()


def fork(
    target: Callable[..., object], *arguments: object, environment: Mapping[str, str], out: Path
) -> Forked:
    """
    Start a process that calls a function of a module.

    :param environment: All that it finds in its environment.
    :param out: The file of its output.
    """
    process = CONTEXT.Process(
        target=_child, args=(dict(environment), out, target, arguments), daemon=False
    )
    process.start()
    return Forked(process)


def _child(
    environment: dict[str, str], out: Path, target: Callable[..., object], arguments: tuple[object]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    with out.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    target(*arguments)
