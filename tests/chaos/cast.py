"""The processes of a run: servers, writers and admins, which are started, killed and ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess

from tests.chaos.admin import Order, Told, administer
from tests.chaos.server import serve
from tests.chaos.site import Site
from tests.chaos.worker import work
from tests.chaos.writer import write

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.chaos.preload"])
STOP_S = 30.0
READY_S = 120.0


class Role:
    """One process that can be killed and restarted."""

    def __init__(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        self.name = name
        self._target, self._arguments = target, arguments
        self._process: BaseProcess | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Start a fresh process."""
        self._process = CONTEXT.Process(target=self._target, args=self._arguments, name=self.name)
        self._process.start()

    def kill(self) -> None:
        """Send SIGKILL, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self._process.join(STOP_S)

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self) -> None:
        """Ask it to end, and kill it if it does not."""
        if self._process is not None and self._process.is_alive():
            self.signal(signal.SIGTERM)
            self._process.join(STOP_S)
            if self._process.is_alive():
                self.kill()


class Admin:
    """A process that carries out commands, one at a time."""

    def __init__(self, site: Site, name: str) -> None:
        self.name = name
        self._site = site
        self._role: Role | None = None
        self._pipe: Pipe | None = None

    def start(self) -> None:
        """Start a fresh process and wait until it is ready."""
        self._pipe, theirs = CONTEXT.Pipe()
        self._role = Role(self.name, administer, self._site, self.name, theirs)
        self._role.start()
        theirs.close()
        if not self._pipe.poll(READY_S) or self._pipe.recv() != "ready":
            raise AssertionError(f"{self.name} did not get ready")

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._role is not None and self._role.alive

    def send(self, order: Order) -> None:
        """Begin to carry out a command."""
        assert self._pipe is not None
        self._pipe.send(order)

    def told(self, on_stage: Callable[[str], None] = lambda _: None) -> Told | None:
        """The outcome of the command, or None if the process was killed by it."""
        assert self._pipe is not None
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, ConnectionResetError):
                return None
            if isinstance(message, Told):
                return message
            on_stage(str(message))

    def do(self, order: Order, on_stage: Callable[[str], None] = lambda _: None) -> Told | None:
        """Carry out a command. See `told`."""
        self.send(order)
        return self.told(on_stage)

    def kill(self) -> None:
        """Send SIGKILL."""
        assert self._role is not None
        self._role.kill()

    def end(self) -> None:
        """Ask it to end."""
        if self._role is not None:
            self._role.end()


class Cast:
    """All processes at one site."""

    def __init__(
        self,
        site: Site,
        servers: int,
        writers: int,
        questions_per_s: float,
        *,
        pause_s: float = 0.15,
        workers: int = 1,
    ) -> None:
        self.servers = [
            Role(f"server{n}", serve, site, f"server{n}", questions_per_s) for n in range(servers)
        ]
        self.writers = [
            Role(f"writer{n}", write, site, f"writer{n}", pause_s) for n in range(writers)
        ]
        self.workers = [Role(f"worker{n}", work, site) for n in range(workers)]
        self.admins = [Admin(site, f"admin{n}") for n in range(2)]

    def __enter__(self) -> Cast:
        roles: tuple[Role | Admin, ...]
        roles = (*self.servers, *self.writers, *self.workers, *self.admins)
        for role in roles:
            role.start()
        return self

    def __exit__(self, *_: object) -> None:
        roles: tuple[Role | Admin, ...]
        roles = (*self.admins, *self.workers, *self.writers, *self.servers)
        for role in roles:
            role.end()

    def end_writers(self) -> None:
        """End the writers after their current operations."""
        for role in self.writers:
            role.end()

    def dead(self) -> list[str]:
        """The processes that should be running but are not."""
        return [role.name for role in (*self.servers, *self.writers) if not role.alive]


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """
    Wait until a condition is true.

    :returns: Whether it became true in time.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
