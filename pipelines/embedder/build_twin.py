"""
Makes a model's twin for CPUs (`pipelines/embedder/cpu_twin`), and says whether it may serve.

int8 weights come first; where they lose retrieval quality, the same graph in fp32; where that does
too, none, and why is recorded.

Quantisation: post-training static int8 with SmoothQuant and bias correction, as `nncf` does it
for transformers (Xiao et al., 2022, https://arxiv.org/abs/2211.10438).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder import memory, model_files
from pipelines.embedder.cpu_twin import (
    VERDICT,
    AcceleratedEncoder,
    Tokens,
    TwinReport,
    openvino,
    read_verdict,
)
from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.embedder.local import LocalEncoder, states_tokens
from pipelines.embedder.tokens import tokenizer_file
from pipelines.progress import NO_TASK, Task
from pipelines.system import atomic_files
from pipelines.system.orphan import when_parent_ends

# More than this share of test questions lost from the top 5, and torch goes on serving.
MAX_HIT_LOSS = 0.005
MIN_COSINE = 0.98
# Nothing but rounding: then what is lost are places that rows of a table change by chance.
SAME_COSINE = 0.9999
# Rows of a table differ in a word; which of two such neighbours comes first is chance.
TIE = 0.01
CALIBRATION_TEXTS = 120
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
    :param target: Becomes the twin's folder, in one rename; an existing one is replaced.
    :param texts: Windows of the documents it will embed, a few hundred; they calibrate the
        quantisation, and questions cropped from them compare twin and torch.
    :returns: The verdict, which is also stored; a failed conversion is a verdict, not an error.
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
    _convert(model, staging, texts, quantise=True)
    memory.give_back()
    verdict = _compare(model, staging, texts)
    if verdict.usable:
        return verdict
    memory.give_back()
    _convert(model, staging, texts, quantise=False)
    memory.give_back()
    exact = _compare(model, staging, texts)
    return replace(exact, reason=f"fp32: {exact.reason} (int8 refused: {verdict.reason})")


def build_in_child(
    model: Path, target: Path, texts: Sequence[str], task: Task = NO_TASK
) -> TwinReport | None:
    """
    `build` in a process of its own: the tools take a gigabyte, print progress bars on stdout and
    change the threading of whoever loads them. None: it was stopped, and nothing is decided.
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


def _convert(model: Path, out: Path, texts: Sequence[str], *, quantise: bool) -> None:
    import nncf
    import torch
    from sentence_transformers import SentenceTransformer

    ov = openvino()
    # Eager attention: the fused kernels have no counterpart in a traced graph.
    network = SentenceTransformer(
        str(model),
        device="cpu",
        local_files_only=True,
        model_kwargs={"attn_implementation": "eager"},
    ).eval()
    wanted = [n for n in network.tokenizer.model_input_names if n != "position_ids"]

    late = states_tokens(model)
    # States of a question's tokens must come from the network that made those of documents.
    routed_first = type(network[0]).__name__ == "Router"

    class Graph(torch.nn.Module):
        def __init__(self, task: str) -> None:
            super().__init__()
            self.network, self.task = network, task

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            """The vectors and, on the way that documents take, the states of the tokens."""
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            if "token_type_ids" in wanted:
                features["token_type_ids"] = torch.zeros_like(input_ids)
            found = self.network.forward(features, task=self.task)
            if not late or (routed_first and self.task == "query"):
                return found["sentence_embedding"]
            return found["sentence_embedding"], found["token_embeddings"]

    tokens = Tokens(model, int(network.max_seq_length))
    sample = [texts[i] for i in np.linspace(0, len(texts) - 1, CALIBRATION_TEXTS).astype(int)]
    sample += [_crop(text) for text in sample[::2]]
    feed = [
        {"input_ids": batch.ids, "attention_mask": batch.mask}
        for text in sample
        for batch in tokens([text])
    ]
    # Not only the first module: an adapter parts the ways after pooling.
    routed = any(type(module).__name__ == "Router" for module in network)
    for task in ("query", "document") if routed else ("document",):
        with torch.no_grad():
            graph = ov.convert_model(
                Graph(task), example_input={k: torch.tensor(v) for k, v in feed[0].items()}
            )
        if quantise:
            graph = nncf.quantize(
                graph,
                nncf.Dataset(feed),
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(feed),
                fast_bias_correction=True,
            )
        ov.save_model(graph, out / f"{task}.xml", compress_to_fp16=False)
    shutil.copy(tokenizer_file(model), out / "tokenizer.json")
    (out / "config.json").write_text(
        json.dumps(
            {
                "max_tokens": int(network.max_seq_length),
                "dimension": int(network.get_embedding_dimension()),
                "prompts": dict(network.prompts),
                "late": late,
                "routed": routed_first,
            }
        )
    )
    model_files.Manifest.of(out).write(out)


def acceptable(hit5_loss: float, mean_cosine: float, token_cosine: float | None = None) -> bool:
    """
    Whether a twin may serve: it finds what torch finds, or is torch's but for rounding.

    :param token_cosine: Of the states of tokens, where it gives them.
    """
    if token_cosine is not None and token_cosine < MIN_COSINE:
        return False
    return mean_cosine >= SAME_COSINE or (hit5_loss <= MAX_HIT_LOSS and mean_cosine >= MIN_COSINE)


def _crop(text: str, start: int = 0) -> str:
    """A stand-in for a question: eight words spread over the window, too few to be easy."""
    words = text.split()
    step = max(1, len(words) // 8)
    return " ".join(words[start % step :: step][:8]) or text


def _compare(model: Path, twin: Path, texts: Sequence[str]) -> TwinReport:
    """Cosine and hit@5 of the twin beside torch, on questions cropped from the windows."""
    manifest = model_files.Manifest.of(twin).sha256
    windows = list(dict.fromkeys(t for t in texts if t.strip()))
    windows = windows[:: max(1, len(windows) // COMPARED_TEXTS)]
    questions = [_crop(text, start) for start in range(QUESTIONS_PER_TEXT) for text in windows]
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
    """States of the tokens of some windows. None: there are none. *Shape:* ``(t, h)``"""
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
    # Both tools report use to their makers except where these say that a machine runs them.
    os.environ.update(CI="true", NNCF_CI="1")
    model, target, listed = map(Path, sys.argv[1:4])
    build(model, target, json.loads(listed.read_text()))


if __name__ == "__main__":
    main()
