"""
Checkpoints that survive a kill at any moment.

The trainer writes a checkpoint in place, so a folder may be half written. A marker with the sums
of its files, written last and synced, tells the complete ones.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from pipelines.embedder.model_files import Manifest
from pipelines.system.atomic_files import write_json

MARKER = "complete.json"


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def is_complete(checkpoint: Path) -> bool:
    """Whether every file is there as it was when the checkpoint was finished."""
    try:
        stored = json.loads((checkpoint / MARKER).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    found = dict(Manifest.of(checkpoint).files)
    found.pop(MARKER, None)
    return bool(stored == found)


def mark_complete(checkpoint: Path) -> None:
    """Write the marker, after the files have reached the disk."""
    for path in checkpoint.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    files = dict(Manifest.of(checkpoint).files)
    files.pop(MARKER, None)
    write_json(checkpoint / MARKER, files)


def last_complete(folder: Path) -> Path | None:
    """Find the newest complete checkpoint. Incomplete ones are removed."""
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True):
        if is_complete(checkpoint):
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


class KeepCheckpoints(TrainerCallback):  # type: ignore[misc]
    """Marks each checkpoint once complete, and then removes all but the newest and the best."""

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Mark the checkpoint that was just written as complete."""
        from accelerate import PartialState

        # Other processes write their random states into the same folder.
        PartialState().wait_for_everyone()
        if not state.is_world_process_zero:
            return
        folder = Path(args.output_dir)
        newest = folder / f"checkpoint-{state.global_step}"
        mark_complete(newest)
        best = Path(state.best_model_checkpoint).name if state.best_model_checkpoint else ""
        for checkpoint in folder.glob("checkpoint-*"):
            if checkpoint.name not in (newest.name, best):
                shutil.rmtree(checkpoint)
