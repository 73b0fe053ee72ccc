"""
What `attune improve` costs on files of one's own, stage by stage: seconds, and CPU seconds of Attune
and of its database, which are the same where the machine has other work.

    python -m bench.improve report.pdf
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import psutil

from app.actions.improve import action
from app.actions.ingest import open_ingester
from app.services import Services
from bench.scratch import scratch
from pipelines.indexing.incoming import Incoming
from pipelines.progress import Progress, Task


class Stages:
    """A row for each stage, printed when the next one begins."""

    def __init__(self, services: Services) -> None:
        (pid_file,) = services.settings.home.glob("db/**/postmaster.pid")
        self._database = psutil.Process(int(pid_file.read_text().split()[0]))
        self._began = self._last = self._spent()
        self._stage = ""

    def hear(self, told: Progress) -> None:
        """Note which stage runs."""
        name = told.stage.rpartition(", ")[2]
        if name != self._stage:
            self.end()
            self._stage = name

    def end(self) -> None:
        """Print the stage that ends."""
        now = self._spent()
        if self._stage:
            _print(self._stage, self._last, now)
        self._last = now

    def end_all(self) -> None:
        """Print the last stage, and the sum."""
        self.end()
        _print("all", self._began, self._last)

    def _spent(self) -> tuple[float, float, float]:
        """Seconds gone by, and CPU seconds of Attune and of the database."""
        processes = [self._database, *self._database.children(recursive=True)]
        database = sum(sum(process.cpu_times()[:2]) for process in processes)
        ended = sum(self._database.cpu_times()[2:4])
        return time.monotonic(), sum(os.times()[:4]), database + ended


def _print(name: str, before: tuple[float, ...], after: tuple[float, ...]) -> None:
    figures = (f"{now - then:10.1f}" for then, now in zip(before, after, strict=True))
    print(f"{name:30}", *figures, flush=True)


def measure(files: list[Path]) -> None:
    """Index files in an empty library, improve its search, and print what each stage took."""
    with scratch() as services:
        with open_ingester(services) as ingester:
            incoming = [Incoming(str(path), path.name, path.read_bytes) for path in files]
            for _ in ingester.ingest_many(incoming):
                pass
        print(f"{'':30} {'seconds':>10} {'CPU':>10} {'database':>10}")
        stages = Stages(services)
        done = action.run(services, who="bench", task=Task(stages.hear))
        stages.end_all()
        print(done.sentence)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    measure(parser.parse_args().files)
