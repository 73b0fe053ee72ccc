"""The child process that trains: started through `accelerate launch`, followed, and ended with its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from filelock import FileLock, Timeout

from pipelines.errors import AttuneError, InputError, NotReadyError
from pipelines.progress import Task
from training.finetune.progress import Tail
from training.finetune.rundir import RunDir

POLL_S = 0.25
GRACE_S = 10


@dataclass(frozen=True)
class Machine:
    """
    What a run may use of this machine.

    :param threads: Threads of each process on a CPU. If None, the processes share all cores.
    """

    device: str | None = None
    processes: int = 1
    threads: int | None = None


def train(run: RunDir, machine: Machine, task: Task) -> None:
    """
    Train a run folder in a child process, and return when its model is there.

    :raises InputError: The run cannot be done as asked.
    :raises Stopped: The task was asked to stop. The child has ended.
    :raises NotReadyError: Disk or memory ran out. Resumed, the run continues from the last
        checkpoint.
    """
    run.error.unlink(missing_ok=True)
    tail = Tail(run.progress)
    with run.log.open("ab") as log:
        child = subprocess.Popen(
            command(run, machine),
            stdin=subprocess.PIPE,  # its end tells the child that nobody waits for it any more
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                task.check()
                for progress in tail.read():
                    task.tell(progress)
                time.sleep(POLL_S)
        except BaseException:
            _end(child)
            _wait_left(run)
            raise
        finally:
            assert child.stdin is not None
            child.stdin.close()
    for progress in tail.read():
        task.tell(progress)
    if not run.result.is_file():
        raise _failure(run, child.returncode)


def command(run: RunDir, machine: Machine) -> list[str]:
    """The command line that trains a run folder on one machine."""
    child = ["-m", "training.finetune", str(run.path), "--end-with-parent"]
    if machine.device:
        child += ["--device", machine.device]
    if run.read_settings().options.method == "adapter":
        # One process, whatever there is: the launcher's own start would be a part of its seconds.
        child += [] if machine.threads is None else ["--threads", str(machine.threads)]
        return [sys.executable, *child]
    cpu = machine.device == "cpu"
    options = ["--num_machines", "1", "--num_processes", str(machine.processes)]
    options += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    if machine.processes > 1:
        # Also for CPUs: the other launcher wants MPI. The child itself picks gloo.
        options.append("--multi_gpu")
    elif cpu:
        options.append("--cpu")
    threads = machine.threads
    if threads is None and cpu:
        threads = max(1, (os.cpu_count() or 1) // machine.processes)
    if threads is not None:
        options += ["--num_cpu_threads_per_process", str(threads)]
    return [sys.executable, "-m", "accelerate.commands.launch", *options, *child]


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the launcher and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _wait_left(run: RunDir) -> None:
    """Until the trainer itself is gone as well: the launcher may end first."""
    lock = FileLock(run.lock, timeout=GRACE_S, preserve_lock_file=True)
    with suppress(Timeout), lock:
        pass


def _failure(run: RunDir, code: int) -> AttuneError:
    if not run.error.is_file():
        return AttuneError(
            f"The training process ended with code {code}, without a word; {run.log} tells more."
        )
    found = json.loads(run.error.read_text(encoding="utf-8"))
    message = str(found["message"])
    match found["kind"]:
        case "input":
            return InputError(message)
        case "disk" | "memory":
            return NotReadyError(message)
    return AttuneError(f"Training failed: {message} {run.log} tells more.")
