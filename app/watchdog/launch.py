"""
The light parent process behind `attune serve` and `attune worker`.

It starts the processes that do the work, watches them, and ends them when it is told to end. It
imports little and computes nothing, so it keeps running whatever happens to them. It also owns the
server's listening socket. Connections that arrive while the web process restarts wait there.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

from app.settings import Settings
from app.watchdog.pulse import Patience
from app.watchdog.starting import Starting
from app.watchdog.supervisor import Supervisor, Watch
from pipelines.errors import InputError

ATTUNE = (sys.executable, "-m", "app.cli.main")
# Running answers get one second, then everything is closed. A container has ten seconds in all.
WEB_GRACE_S = 8.0
# The worker requeues its jobs within 3 s of the signal, so wait slightly longer before killing it.
WORKER_GRACE_S = 3.5
# Time for the process of the backups to leave the database, of the time that a stop may take.
ABANDON_S = 1.5
LOOK_S = 0.1


@dataclass
class WorkerLives:
    """
    The command line of a worker process, which names the processes before it that left jobs behind.
    """

    queues: Sequence[str] = ()
    _own: str = ""
    _left: dict[str, list[str]] = field(default_factory=lambda: {"ended": [], "froze": []})

    def hear(self, word: str) -> None:
        """
        Note a line of the worker: its ids in the queue, or that it has requeued what was left
        behind.
        """
        if word == "ready":
            self._left = {"ended": [], "froze": []}
        elif word.startswith("workers "):
            self._own = word.removeprefix("workers ")

    def end(self, froze: bool) -> None:
        """Note that a worker process has ended."""
        if self._own:
            self._left["froze" if froze else "ended"].append(self._own)
        self._own = ""

    def command(self, beat_fd: int) -> list[str]:
        """The command line, with the descriptor for the heartbeat."""
        line = [*ATTUNE, "worker", "--end-with-parent", "--beat-fd", str(beat_fd)]
        for how, numbers in self._left.items():
            if numbers:
                line += [f"--{how}", ",".join(numbers)]
        return [*line, "--queues", ",".join(self.queues)] if self.queues else line


class Backups:
    """The process that makes scheduled backups. Without `ATTUNE_BACKUP` there is none."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._limit_s = settings.backup_at_stop_s
        self._wanted = bool(settings.backup)
        self._supervisor = Supervisor(
            "backup process",
            lambda beat_fd: [*ATTUNE, "backups", "--beat-fd", str(beat_fd)],
            Watch(patience),
        )

    def start(self) -> None:
        """Start it once the database is there."""
        if self._wanted:
            self._supervisor.start()

    def stop(self, began: float) -> None:
        """
        Let it make a last backup once the others have ended, and end it in time.

        :param began: When the stop began, by the monotonic clock.
        """
        if not self._wanted:
            return
        self._supervisor.begin_stop()
        ends_at = began + self._limit_s
        self._supervisor.wait(max(0.0, ends_at - ABANDON_S - time.monotonic()))
        self._supervisor.begin_stop()  # a second signal: it stops halfway
        self._supervisor.stop(max(ABANDON_S, ends_at - time.monotonic()))


def serve(
    settings: Settings,
    host: str,
    port: int,
    open_browser: bool | None,
    *,
    worker: bool = True,
    patience: Patience | None = None,
) -> int:
    """
    Run a web process, and a worker process if `worker` is set, until a signal.

    :param patience: How long each may be silent before it is killed and restarted.
    :returns: The exit code.
    :raises InputError: The address is in use or not ours.
    """
    _log_as(settings, "")
    listening = listen(host, port)
    print(f"Attune is starting; data in {settings.home}", flush=True)
    lives = WorkerLives()
    patience = patience or Patience()
    jobs = Supervisor(
        "worker", lives.command, Watch(patience, on_word=lives.hear, on_end=lives.end)
    )
    backups = Backups(settings, patience)
    starting = Starting()
    again = False

    def command(beat_fd: int) -> list[str]:
        nonlocal again
        browser = [] if open_browser is None else ["--open" if open_browser else "--no-open"]
        line = [*ATTUNE, "web", "--listen-fd", str(listening.fileno()), "--beat-fd", str(beat_fd)]
        line += ["--url", f"http://{_reachable(host)}:{listening.getsockname()[1]}", *browser]
        return [*line, "--again"] if again else line

    def hear(word: str) -> None:
        nonlocal again
        starting.hear(word)
        if word == "open":  # the database is up and migrated
            backups.start()
            if worker:
                jobs.start()
        again |= word == "ready"

    web = Supervisor(
        "web server",
        command,
        Watch(patience, on_word=hear, must_start=True),
        inherited=[listening.fileno()],
    )
    with listening:
        ends = [(web, WEB_GRACE_S), (jobs, WORKER_GRACE_S)]
        code = _run(web, ends, listening.close, backups)
    print("Attune has stopped.", flush=True)
    return code


def work(settings: Settings, queues: Sequence[str], patience: Patience | None = None) -> int:
    """
    Run a worker process for these queues (all if none is given) until a signal, and return the exit
    code.
    """
    _log_as(settings, "worker: ")
    lives = WorkerLives(queues)
    patience = patience or Patience()
    backups = Backups(settings, patience)

    def hear(word: str) -> None:
        lives.hear(word)
        if word == "ready":
            backups.start()

    watch = Watch(patience, on_word=hear, on_end=lives.end, must_start=True)
    jobs = Supervisor("worker", lives.command, watch)
    _run(jobs, [(jobs, WORKER_GRACE_S)], lambda: None, backups)
    return 143 if jobs.code is None else _shell_code(jobs.code)


def _run(
    essential: Supervisor,
    all_of_them: Sequence[tuple[Supervisor, float]],
    on_stop: Callable[[], None],
    backups: Backups,
) -> int:
    """
    Start the essential process, wait for a signal or its failure, end all, and return the exit
    code.
    """
    received: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)
    essential.start()
    # Wait in slices: if the OS delivers the signal to another thread, an untimed wait never wakes.
    while not received and not essential.given_up.wait(LOOK_S):
        pass
    on_stop()
    began = time.monotonic()
    for supervisor, _ in all_of_them:
        supervisor.begin_stop()
    for supervisor, grace_s in all_of_them:
        supervisor.stop(max(0.0, grace_s - (time.monotonic() - began)))
    backups.stop(began)
    return 128 + received[0] if received else _shell_code(essential.code or 0)


def _shell_code(code: int) -> int:
    """The exit code of a child as a shell reports it."""
    return 128 - code if code < 0 else code


def listen(host: str, port: int) -> socket.socket:
    """
    Open the port first, so that a second instance fails at once and not after loading a model.

    :raises InputError: The address is in use or not ours.
    """
    try:
        listening = socket.create_server((host, port), backlog=512)
    except OSError as error:
        raise InputError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Is Attune running already? "
            "Choose another port with --port."
        ) from error
    # Connections inherit it. Without it the kernel delays the body of an answer and each word of a
    # stream by up to 40 ms. asyncio sets it only on sockets that it creates itself.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else host


def _log_as(settings: Settings, prefix: str) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format=f"{prefix}%(levelname)s %(message)s"
    )
