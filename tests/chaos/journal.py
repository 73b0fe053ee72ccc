"""A process's observations, line by line in a file. A written line survives SIGKILL."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class Journal:
    """Appends one process's entries with their time (`t`, monotonic seconds of the machine)."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = os.open(
            folder / f"{name}.{os.getpid()}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT
        )

    def note(self, kind: str, **facts: Any) -> None:
        """Write one entry in one system call."""
        line = json.dumps({"kind": kind, "t": time.monotonic(), **facts}, default=str)
        os.write(self._file, line.encode() + b"\n")


def entries(folder: Path, name: str, *kinds: str) -> list[dict[str, Any]]:
    """
    All entries of these kinds by processes with this name prefix, in order of time.

    Each has the name of its process under `by`.
    """
    found = []
    for path in folder.glob(f"{name}*.jsonl"):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if entry["kind"] in kinds:
                found.append({**entry, "by": path.stem})
    return sorted(found, key=lambda entry: entry["t"])
