"""
A process that only watches its parent and kills it when it freezes, so that no command hangs
without a message. It ends with its parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.watchdog.heartbeat import DUMP, Heartbeat
from app.watchdog.pulse import Patience, Pulse

DUMP_S = 1.0


@contextmanager
def watched(patience: Patience | None = None) -> Iterator[None]:
    """
    Have this process killed when it freezes, with a message and the tracebacks of its threads.
    """
    patience = patience or Patience()
    limits = [str(patience.limit_s), str(patience.most_s)]
    watcher = subprocess.Popen(
        [sys.executable, "-m", "app.watchdog.watcher", str(os.getpid()), *limits],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert watcher.stdin is not None
    heartbeat = Heartbeat(watcher.stdin.fileno())
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop()
        watcher.stdin.close()  # this ends the watcher


def main() -> None:
    """Watch the process with the given id. Its heartbeat arrives on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that is watched
    pid, limit_s, most_s = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    patience, pulse = Patience(limit_s, most_s), Pulse(0)
    while pulse.listen() is not None:
        if pulse.silent_s > patience.now_s():
            _end(pid, pulse.silent_s)
            return


def _end(pid: int, silent_s: float) -> None:
    print(
        f"\nattune: this command has been frozen for {silent_s:.0f} s and cannot continue, so it is "
        "ended. Finished work is kept. Run it again for the rest. Its threads were here:",
        file=sys.stderr,
        flush=True,
    )
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, DUMP)
        time.sleep(DUMP_S)
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
