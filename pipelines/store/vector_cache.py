"""Paid vectors by model and content hash, cached in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# SQLite limits the number of parameters in one statement.
BATCH = 500


class VectorCache:
    """
    A cache file of vectors.

    Several processes may share it, and each finds what the others added. Within a process it must
    be used by one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=60, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        with self._db:
            self._db.execute(
                "create table if not exists vector (model text not null, sha256 text not null,"
                " v blob not null, primary key (model, sha256)) without rowid"
            )

    def get(self, model: str, sums: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The cached vectors by content hash. *Shape:* ``(d,)`` each."""
        found = {}
        for start in range(0, len(sums), BATCH):
            part = list(sums[start : start + BATCH])
            marks = ",".join("?" * len(part))
            for sha256, blob in self._db.execute(
                f"select sha256, v from vector where model = ? and sha256 in ({marks})",
                (model, *part),
            ):
                found[sha256] = np.frombuffer(blob, dtype=np.float32)
        return found

    def put(self, model: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Store vectors by content hash. *Shape:* ``(d,)`` each."""
        with self._db:
            self._db.executemany(
                "insert or replace into vector values (?, ?, ?)",
                [(model, sha256, v.astype(np.float32).tobytes()) for sha256, v in vectors.items()],
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
