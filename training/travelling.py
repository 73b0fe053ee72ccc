"""
Run folders that travel: the database keeps what a run learns from until it is done.

Checkpoints stay on the machine that made them. On another one the run begins again.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipelines.store import stored_files
from pipelines.store.db import Connection
from pipelines.store.ids import RunId
from training.finetune.rundir import RunDir


def send(conn: Connection, run_id: RunId, run: RunDir) -> None:
    """Store the inputs of a run that was just created."""
    inputs = (run.settings, run.corpus, run.train, run.heldout)
    stored_files.put(conn, stored_files.run_folder(run_id), {path.name: path for path in inputs})


def bring(conn: Connection, run_id: RunId, run: RunDir) -> bool:
    """
    Fetch the inputs of a run into its folder on this machine.

    :returns: False if the database does not have them.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=run.path, prefix=".staging-"))
    try:
        if not stored_files.fetch(conn, stored_files.run_folder(run_id), staging):
            return False
        # The settings come last, because a folder with them is complete.
        for path in (run.corpus, run.train, run.heldout, run.settings):
            (staging / path.name).replace(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return True


def forget(conn: Connection, run_id: RunId) -> None:
    """Delete the stored inputs of a run that is done."""
    stored_files.remove(conn, stored_files.run_folder(run_id))
