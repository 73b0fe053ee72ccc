"""
The child process: `python -m training.finetune RUN_FOLDER`, started through `accelerate launch`.

It turns a run folder into a trained model. All it knows is in the folder. It uses the processes
and devices that accelerate gives it. If it is killed at any moment and started again, it continues
from the last complete checkpoint.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
import traceback
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from pipelines.errors import AttuneError
from pipelines.system.atomic_files import write_json
from pipelines.system.locks import exclusive
from pipelines.system.orphan import when_parent_ends
from training.finetune.progress import Reporter
from training.finetune.rundir import RunDir, RunSettings

# One process may embed for hours before the others are needed.
PATIENCE = timedelta(days=1)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What torch.save says when bytes did not reach the disk.
CUT_OFF = "inline_container.cc"


def train(run: RunDir, *, device: str | None = None) -> dict[str, Any]:
    """
    Train as the run's settings say.

    :returns: Figures of the finished run, which are also stored.
    :raises ConflictError: Another process works in this folder.
    """
    from accelerate import PartialState

    state = PartialState(cpu=device == "cpu", timeout=PATIENCE)
    settings = run.read_settings()
    busy = f"Another process is training in {run.path}."
    with exclusive(run.lock, busy) if state.is_main_process else nullcontext():
        report = Reporter(run.progress, lead=state.is_main_process)
        base = Path(settings.base)
        with state.main_process_first():
            from training.finetune import prepare

            prepared = prepare.load(
                run, base, device=device, report=lambda n, m: report("embedding", step=n, total=m)
            )
        from training.finetune.heldout import HeldOut

        heldout = HeldOut.of(prepared)
        result: dict[str, Any] = {}
        side = None
        if settings.options.method != "adapter":
            from training.finetune.methods.trainer import train_encoder

            result, side = train_encoder(
                run, settings, prepared, report, heldout=heldout, device=device
            )
        elif state.is_main_process:
            result, side = _adapter(run, settings, prepared, report, heldout)
        if state.is_main_process:
            result["dimension"] = _dimension(run)
            if heldout is not None and side is not None:
                result |= heldout.of_base() | _share(settings, heldout, side)
            write_json(run.result, result)
            shutil.rmtree(run.checkpoints, ignore_errors=True)
            # The figures of the model that was kept, not of the last checkpoint.
            kept = {n: v for n, v in result.items() if n.startswith("heldout_")}
            steps = result["steps"]
            report("trained", step=steps, total=steps, evaluation=kept or None)
        state.wait_for_everyone()
    return result


def _adapter(
    run: RunDir, settings: RunSettings, prepared: Any, report: Reporter, heldout: Any
) -> tuple[dict[str, Any], Any]:
    from training.finetune.methods import adapter

    def tell(**values: Any) -> None:
        report("training", **values)

    return adapter.train(run, Path(settings.base), prepared, settings.options, tell, heldout)


def _dimension(run: RunDir) -> int:
    """
    Length of the trained model's vectors, measured on the model as it will be loaded to serve.
    """
    from pipelines.embedder.local import LocalEncoder

    return LocalEncoder(run.model, device="cpu").dimension


def _share(settings: RunSettings, heldout: Any, side: Any) -> dict[str, float]:
    """Share of the words next to the trained model, if that of its base is known."""
    from training.finetune import fusing

    start = settings.lexical_weight
    if start is None:
        return {}
    share = fusing.lexical_weight(heldout.base_side(), side, heldout.words, heldout.gold, start)
    return {"lexical_weight": share}


def describe(error: BaseException, run: RunDir) -> dict[str, str]:
    """Kind and message of a failure, for a person. Nothing in the message is a traceback."""
    chain: BaseException | None = error
    while chain is not None:
        text = str(chain)
        full = isinstance(chain, OSError) and chain.errno in FULL
        # safetensors reports the system's words but not its number. Torch reports neither.
        words = any(os.strerror(number) in text for number in FULL) or CUT_OFF in text
        if full or words:
            needed = "the next checkpoint does not fit"
            return {"kind": "disk", "message": f"The disk of {run.path} is full: {needed}."}
        chain = chain.__cause__ or chain.__context__
    if isinstance(error, AttuneError):
        return {"kind": "input", "message": str(error)}
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return {"kind": "memory", "message": "Not enough memory; lower --batch-size."}
    return {"kind": "fault", "message": f"{type(error).__name__}: {error}"}


def _free_unfinished(run: RunDir) -> None:
    """Remove what a full disk cut off, so that there is room to say so."""
    from training.finetune.checkpoints import is_complete

    for checkpoint in run.checkpoints.glob("checkpoint-*"):
        if not is_complete(checkpoint):
            shutil.rmtree(checkpoint, ignore_errors=True)


def main() -> None:
    """Entry of the child process."""
    parser = argparse.ArgumentParser(prog="training.finetune")
    parser.add_argument("run", type=Path)
    parser.add_argument("--device")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--end-with-parent", action="store_true")
    given = parser.parse_args()
    if given.end_with_parent:
        when_parent_ends()  # whoever started it will resume it
    run = RunDir(given.run.resolve())
    try:
        if given.threads:
            import torch

            torch.set_num_threads(given.threads)
        train(run, device=given.device)
    except Exception as error:
        traceback.print_exc()
        found = describe(error, run)
        if found["kind"] == "disk":
            _free_unfinished(run)
        write_json(run.error, found)
        sys.exit(1)


if __name__ == "__main__":
    main()
