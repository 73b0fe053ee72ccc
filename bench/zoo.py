"""
A folder of real and broken documents in one `attune ingest`: the outcome of each file, the time,
and the peak memory of the command, its reader and its database together.

`python -m bench.zoo [FOLDER]` prints every file. The rows are totals.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ZOO = Path(__file__).resolve().parents[2] / "shared" / "data" / "zoo"
SAMPLE_EVERY_S = 0.5
MOST_MEMORY_MB = 2000
EXIT_CODES = (0, 10)


@dataclass(frozen=True)
class Ingested:
    """One run of the command: exit code, JSON, seconds, and memory samples twice a second in MB."""

    code: int
    printed: dict[str, Any]
    seconds: float
    memory_mb: list[float]

    @property
    def peak_mb(self) -> float:
        """The peak memory."""
        return max(self.memory_mb, default=0.0)

    @property
    def unexplained(self) -> list[str]:
        """Files without a final status, or failed without a reason."""
        return [
            file["path"]
            for file in self.printed["files"]
            if file["status"] not in ("indexed", "duplicate", "unchanged", "failed")
            or (file["status"] == "failed" and not file["reason"])
        ]


class Watch:
    """
    Samples the memory of a process and of everything that works on its data folder, twice a second.
    """

    def __init__(self, pid: int, home: Path) -> None:
        self.held_mb: list[float] = []
        self._pid, self._home = pid, str(home)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            self.held_mb.append(sum(map(_share, self._processes())) / 1e6)

    def _processes(self) -> set[psutil.Process]:
        """The process, the database (which is not its child), and the descendants of both."""
        found: set[psutil.Process] = set()
        for process in psutil.process_iter(["pid", "cmdline"]):
            line = process.info["cmdline"] or []
            if process.pid == self._pid or any(self._home in part for part in line):
                found.add(process)
        for process in list(found):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.update(process.children(recursive=True))
        return found


def _share(process: psutil.Process) -> int:
    """
    Memory of a process in bytes, with shared memory divided among the processes that share it.
    """
    try:
        # The kernel's own sum, because psutil adds up every mapping and would slow the watched run.
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0
    held = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    return int(held.group(1)) * 1024 if held else 0


def ingest(folder: Path, home: Path) -> Ingested:
    """Ingest a folder with the command, with `home` as its data folder."""
    attune = Path(sys.executable).with_name("attune")
    environment = {**os.environ, "ATTUNE_HOME": str(home), "DATABASE_URL": ""}
    started = time.perf_counter()
    process = subprocess.Popen(
        [attune, "ingest", folder, "--recursive", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,
    )
    with process, Watch(process.pid, home) as watch:
        out, _ = process.communicate()
    seconds = time.perf_counter() - started
    return Ingested(process.returncode, json.loads(out), seconds, watch.held_mb)


def measure(folder: Path) -> tuple[Ingested, list[dict[str, Any]]]:
    """The run and its rows."""
    with tempfile.TemporaryDirectory(prefix="attune-zoo-") as home:
        run = ingest(folder, Path(home))
    files = run.printed["files"]
    there = {path for path in folder.rglob("*") if path.is_file()}
    missing = there - {Path(file["path"]) for file in files}
    windows = sum(file["windows"] for file in files)
    counts = ", ".join(f"{n} {status}" for status, n in Counter(f["status"] for f in files).items())
    how = f"{len(files)} files: {counts}; exit code {run.code}; {windows} windows"
    wrong = len(missing) + len(run.unexplained) + (run.code not in EXIT_CODES)

    def row(name: str, value: float, unit: str, goal: float | None) -> dict[str, Any]:
        return {
            "name": f"zoo: {name}",
            "value": round(value, 1),
            "unit": unit,
            "goal": goal,
            "better": "lower",
            "how": how,
        }

    return run, [
        row("files without an outcome or a reason", wrong, "files", 0),
        row("peak memory of command, reader and database", run.peak_mb, "MB", MOST_MEMORY_MB),
        row("seconds", run.seconds, "s", None),
    ]


def rows() -> list[dict[str, Any]]:
    """The totals of a run. No rows without the folder."""
    return measure(ZOO)[1] if ZOO.is_dir() else []


def main() -> None:
    run, found = measure(Path(sys.argv[1]) if len(sys.argv) > 1 else ZOO)
    for file in run.printed["files"]:
        detail = file["reason"] or f"{file['windows']} windows in {file['seconds']:.1f} s"
        print(f"{file['status']:10} {file['path']}  {detail}")
    for line in found:
        print(f"{line['value']:10.1f} {line['unit']:6} {line['name']}  ({line['how']})")


if __name__ == "__main__":
    main()
