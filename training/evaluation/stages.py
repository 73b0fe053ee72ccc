"""
Finished steps of an evaluation, kept in files.

An interrupted evaluation continues with the first missing step. The files are removed when the
evaluation is stored.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.system.atomic_files import write_text
from training.evaluation.metrics import Ranked
from training.evaluation.rankings import Mode, Rankings, Rules, Timings

# Increased when a step finds something else than before.
FORMAT = 2
# How long files of an abandoned evaluation are kept.
KEPT_S = 7 * 24 * 3600


class Stages:
    """The finished steps of one model on one dataset. Without a folder nothing is kept."""

    def __init__(
        self, folder: Path | None, dataset_sha256: str, identity: str, rules: Rules
    ) -> None:
        self._folder = folder
        self._key = _key(dataset_sha256, identity, rules)

    def get(self, step: str) -> Any:
        """The result of a step, or None if it is not done or its file cannot be read."""
        if self._folder is None:
            return None
        try:
            return json.loads(self._path(self._folder, step).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def once(self, step: str, find: Callable[[], Any]) -> Any:
        """The result of a step as plain values, computed only if it is not kept."""
        if (value := self.get(step)) is None:
            value = find()
            if self._folder is not None:
                write_text(self._path(self._folder, step), json.dumps(value, ensure_ascii=False))
        return value

    def forget(self) -> None:
        """Remove the files."""
        for path in self._folder.glob(f"{self._key}.*") if self._folder else ():
            path.unlink(missing_ok=True)

    def _path(self, folder: Path, step: str) -> Path:
        return folder / f"{self._key}.{step}.json"


def forget_old(folder: Path) -> None:
    """Remove files that have not been used for a week."""
    for path in folder.glob("*.*"):
        try:
            if time.time() - path.stat().st_mtime > KEPT_S:
                path.unlink()
        except OSError:  # somebody else was faster
            continue


def ranked(rankings: Rankings) -> dict[str, list[list[Any]]]:
    """Convert rankings to plain values."""
    return {q: [[hit.passage, hit.score] for hit in hits] for q, hits in rankings.items()}


def rankings_of(value: Mapping[str, Any]) -> Rankings:
    """Convert plain values to rankings."""
    return {q: [Ranked(passage, score) for passage, score in hits] for q, hits in value.items()}


def searched(found: Mapping[Mode, Rankings], timings: Timings) -> dict[str, Any]:
    """Convert the results of a model's own search to plain values."""
    return {"found": {m: ranked(one) for m, one in found.items()}, "timings": asdict(timings)}


def search_of(value: Mapping[str, Any]) -> tuple[dict[Mode, Rankings], Timings]:
    """Convert plain values to the results of a model's own search."""
    found: dict[Mode, Rankings] = {m: rankings_of(one) for m, one in value["found"].items()}
    return found, Timings(**value["timings"])


def _key(dataset_sha256: str, identity: str, rules: Rules) -> str:
    value = [FORMAT, dataset_sha256, identity, asdict(rules)]
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
