"""
Vectors and codes of windows that an evaluation made of a version, for the build of its index.

A file for each version, named after its weights. What it holds is found by the windows' content.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.embedder.batches import NOTHING, Known, KnownVectors
from pipelines.store import vectors
from pipelines.store.chunks import digest
from pipelines.store.db import Connection
from pipelines.store.ids import IndexId
from pipelines.system.atomic_files import write_staged


def path_of(folder: Path, identity: str) -> Path:
    """
    Where the vectors of a version are kept.

    :param identity: The sha256 of its files' manifest.
    """
    return folder / f"{identity[:32]}.windows.npz"


def keep(conn: Connection, index_id: IndexId, path: Path) -> None:
    """Store what an index holds."""
    names, rows, codes = [], [], []
    for name, vector, code in vectors.of_all_windows(conn, index_id):
        names.append(name)
        rows.append(vector)
        codes.append(code or b"")
    sizes = np.array([len(code) for code in codes], dtype=np.int64)
    joined = np.frombuffer(b"".join(codes), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_staged(
        path,
        lambda file: np.savez(
            file, names=np.array(names), vectors=np.array(rows), sizes=sizes, codes=joined
        ),
    )


def known(path: Path) -> Known | None:
    """What is stored of windows, or None if nothing is."""
    if not path.is_file():
        return None
    with np.load(path) as stored:
        names, rows, codes = stored["names"].tolist(), stored["vectors"], stored["codes"]
        ends = np.cumsum(stored["sizes"])
        starts = ends - stored["sizes"]
    place = {name: i for i, name in enumerate(names)}

    def find(texts: Sequence[str], coded: bool) -> KnownVectors:
        if coded and not len(codes):
            return NOTHING
        there = ((text, place[name]) for text in texts if (name := digest(text)) in place)
        return KnownVectors(
            (text, rows[i].astype(np.float32), codes[starts[i] : ends[i]].tobytes())
            for text, i in there
        )

    return find
