"""
Makes a model's twin for CPUs (`pipelines/embedder/cpu_twin`), and says whether it may serve.

int8 weights come first. Where they lose retrieval quality, the same graph in fp32 is measured. Where
that loses it too, there is no twin, and the reason is recorded.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder import memory, model_files
from pipelines.embedder.convert_twin import convert, crop
from pipelines.embedder.cpu_twin import (
    VERDICT,
    AcceleratedEncoder,
    TwinReport,
    read_verdict,
)
from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.embedder.local import LocalEncoder
from pipelines.progress import NO_TASK, Task
from pipelines.system import atomic_files, child_environment
from pipelines.system.orphan import when_parent_ends

# More than this share of test questions lost from the top 5, and torch goes on serving.
MAX_HIT_LOSS = 0.005
MIN_COSINE = 0.98
# Nothing but rounding: then what is lost are places that rows of a table change by chance.
SAME_COSINE = 0.9999
# Rows of a table differ in a word; which of two such neighbours comes first is chance.
TIE = 0.01
COMPARED_TEXTS = 300
COMPARED_TOKENS_OF = 40
# Questions made of each: with one, a single hit more or less would decide.
QUESTIONS_PER_TEXT = 4
STOP_EVERY_S = 0.2

log = logging.getLogger(__name__)


def build(model: Path, target: Path, texts: Sequence[str]) -> TwinReport:
    """
    Make the twin of a model and measure it on real windows.

    :param model: A sentence-transformers folder, verified by the caller.
    :param target: Becomes the twin's folder, in one rename. An existing one is replaced.
    :param texts: Windows of the documents it will embed, a few hundred. They calibrate the
        quantisation, and questions cropped from them compare twin and torch.
    :returns: The verdict, which is also stored. A failed conversion is a verdict, not an error.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=".building-"))
    try:
        try:
            verdict = _convert_and_compare(model, staging, texts)
        except Exception as error:  # any model the tools cannot carry stays with torch
            log.info("no accelerated twin of %s", model, exc_info=True)
            verdict = TwinReport(False, f"conversion failed: {type(error).__name__}: {error}")
        atomic_files.write_json(staging / VERDICT, asdict(verdict))
        model_files.sync(staging)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
        atomic_files.sync_folder(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return verdict


def _convert_and_compare(model: Path, staging: Path, texts: Sequence[str]) -> TwinReport:
    """int8, or where that loses what is found (rows of numbers, say), the same graph unquantised."""
    convert(model, staging, texts, quantise=True)
    memory.give_back()
    verdict = _compare(model, staging, texts)
    if verdict.usable:
        return verdict
    memory.give_back()
    convert(model, staging, texts, quantise=False)
    memory.give_back()
    exact = _compare(model, staging, texts)
    return replace(exact, reason=f"fp32: {exact.reason} (int8 refused: {verdict.reason})")


def build_in_child(
    model: Path, target: Path, texts: Sequence[str], task: Task = NO_TASK
) -> TwinReport | None:
    """
    `build` in a process of its own: the tools take a gigabyte, print progress bars on stdout and
    change the threading of whoever loads them.

    :returns: None if it was stopped. Then nothing is decided.
    """
    with (
        tempfile.TemporaryDirectory(prefix="attune-") as folder,
        tempfile.TemporaryFile() as errors,
    ):
        listed = Path(folder) / "texts.json"
        listed.write_text(json.dumps(list(texts)))
        with subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pipelines.embedder.build_twin",
                str(model),
                str(target),
                str(listed),
            ],
            stdin=subprocess.PIPE,  # its end tells the child that nobody waits for it any more
            stdout=subprocess.DEVNULL,
            # OpenVINO and NNCF report their use to their makers, except from such a machine.
            env=child_environment.whole(CI="true", NNCF_CI="1"),
            stderr=errors,
        ) as child:
            while child.poll() is None:
                if task.is_stopping():
                    child.kill()
                    return None
                time.sleep(STOP_EVERY_S)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    verdict = read_verdict(target)
    if child.returncode != 0 or verdict is None:
        last = (said.strip().splitlines() or ["no message"])[-1]
        verdict = TwinReport(False, f"the conversion process ended with {child.returncode}: {last}")
        atomic_files.write_json(
            target / VERDICT, asdict(verdict)
        )  # nobody is to try again and again
    return verdict


def acceptable(hit5_loss: float, mean_cosine: float, token_cosine: float | None = None) -> bool:
    """
    Whether a twin may serve: it finds what torch finds, or is torch's but for rounding.

    :param token_cosine: Of the states of tokens, where it gives them.
    """
    if token_cosine is not None and token_cosine < MIN_COSINE:
        return False
    return mean_cosine >= SAME_COSINE or (hit5_loss <= MAX_HIT_LOSS and mean_cosine >= MIN_COSINE)


def _compare(model: Path, twin: Path, texts: Sequence[str]) -> TwinReport:
    """Cosine and hit@5 of the twin beside torch, on questions cropped from the windows."""
    manifest = model_files.Manifest.of(twin).sha256
    windows = list(dict.fromkeys(t for t in texts if t.strip()))
    windows = windows[:: max(1, len(windows) // COMPARED_TEXTS)]
    questions = [crop(text, start) for start in range(QUESTIONS_PER_TEXT) for text in windows]
    places = np.tile(np.arange(len(windows)), QUESTIONS_PER_TEXT)
    # One after the other, and torch in small batches: whoever waits for this holds memory as well.
    local = LocalEncoder(model, device="cpu", batch_size=8)
    torch, torch_states = _embedded(local, windows, questions), _states(local, windows)
    del local
    memory.give_back()
    twin_encoder = AcceleratedEncoder(twin, manifest)
    fast, fast_states = _embedded(twin_encoder, windows, questions), _states(twin_encoder, windows)
    hits = []
    for documents, asked in (torch, fast):
        scores = asked @ documents.T
        own = np.take_along_axis(scores, places[:, None], axis=1)
        hits.append(float(((scores > own + TIE).sum(axis=1) < 5).mean()))
    cosine = float((torch[0] * fast[0]).sum(axis=1).mean())
    loss = hits[0] - hits[1]
    token_cosine = None
    if torch_states is not None and fast_states is not None:
        token_cosine = float((torch_states * fast_states).sum(axis=1).mean())
    usable = acceptable(loss, cosine, token_cosine)
    reason = (
        f"hit@5 {hits[1]:.3f} against torch's {hits[0]:.3f}, mean cosine {cosine:.4f}"
        f" by {len(questions)} questions on {len(windows)} windows"
    )
    if token_cosine is not None:
        reason += f", cosine of tokens {token_cosine:.4f}"
    return TwinReport(
        usable, reason, cosine, hits[0], hits[1], len(questions), manifest, token_cosine
    )


def _states(encoder: Encoder, windows: Sequence[str]) -> NDArray[np.float32] | None:
    """States of the tokens of some windows. None if there are none. *Shape:* ``(t, h)``"""
    if not encoder.late:
        return None
    some = windows[:: max(1, len(windows) // COMPARED_TOKENS_OF)]
    return np.concatenate([encoder.encode_query_late(text)[1].states for text in some])


def _embedded(
    encoder: Encoder, windows: Sequence[str], questions: Sequence[str]
) -> tuple[Vectors, Vectors]:
    return encoder.encode_documents(windows), encoder.encode_queries(questions)


def main() -> None:
    """Entry of the child process: model folder, target folder, JSON list of windows."""
    when_parent_ends()
    model, target, listed = map(Path, sys.argv[1:4])
    build(model, target, json.loads(listed.read_text()))


if __name__ == "__main__":
    main()
