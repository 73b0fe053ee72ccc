"""
A model's twin for CPUs: OpenVINO graphs made directly from the sentence-transformers folder.

`build` makes them once per model and measures them against torch; `AcceleratedEncoder` serves
them. int8 weights come first; where they lose retrieval quality, the same graph in fp32; where
that does too, none, and why is recorded. GPUs and models that cannot be converted keep torch.

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
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines import artifacts, memory
from pipelines.encoder import (
    Encoder,
    LocalEncoder,
    TokenCounter,
    Vectors,
    tokenizer_file,
    unit_rows,
)
from pipelines.errors import ArtifactError, InputError
from pipelines.orphan import when_parent_ends

VERDICT = "verdict.json"
# More than this share of test questions lost from the top 5, and torch goes on serving.
MAX_HIT_LOSS = 0.005
MIN_COSINE = 0.98
# Nothing but rounding: then what is lost are places that rows of a table change by chance.
SAME_COSINE = 0.9999
# Rows of a table differ in a word; which of two such neighbours comes first is chance.
TIE = 0.01
CALIBRATION_TEXTS = 120
COMPARED_TEXTS = 300
# Questions made of each: with one, a single hit more or less would decide.
QUESTIONS_PER_TEXT = 4
BATCH = 8
# Lengths are rounded up to these tokens: for every new shape OpenVINO compiles kernels and lays out
# memory, which it keeps. Every length by itself takes 620 MB after 3,000 windows and goes on
# growing, rounded 360 MB and no more, in less time.
LENGTH_STEP = 8
# Of long texts most are windows of one size, give or take a token.
LONG, LONG_STEP = 100, 2
STOP_EVERY_S = 0.2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What building the twin of one model came to."""

    usable: bool
    reason: str
    mean_cosine: float = 0.0
    hit5_torch: float = 0.0
    hit5_twin: float = 0.0
    questions: int = 0
    manifest_sha256: str = ""


def folder_for(cache: Path, model_sha256: str) -> Path:
    """Where the twin of the model with this manifest is kept."""
    return cache / "openvino" / model_sha256[:32]


def read_verdict(folder: Path) -> Verdict | None:
    """What was found when the twin was built; None: it has not been built."""
    try:
        return Verdict(**json.loads((folder / VERDICT).read_text()))
    except FileNotFoundError:
        return None


def build(model: Path, target: Path, texts: Sequence[str]) -> Verdict:
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
            verdict = Verdict(False, f"conversion failed: {type(error).__name__}: {error}")
        (staging / VERDICT).write_text(json.dumps(asdict(verdict), indent=1))
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return verdict


def _convert_and_compare(model: Path, staging: Path, texts: Sequence[str]) -> Verdict:
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
    model: Path, target: Path, texts: Sequence[str], stop: Callable[[], bool] = lambda: False
) -> Verdict | None:
    """
    `build` in a process of its own: the tools take a gigabyte, print progress bars on stdout and
    change the threading of whoever loads them. None: `stop` said so, and nothing is decided.
    """
    with (
        tempfile.TemporaryDirectory(prefix="attune-") as folder,
        tempfile.TemporaryFile() as errors,
    ):
        listed = Path(folder) / "texts.json"
        listed.write_text(json.dumps(list(texts)))
        with subprocess.Popen(
            [sys.executable, "-m", "pipelines.accelerated", str(model), str(target), str(listed)],
            stdin=subprocess.PIPE,  # its end tells the child that nobody waits for it any more
            stdout=subprocess.DEVNULL,
            stderr=errors,
        ) as child:
            while child.poll() is None:
                if stop():
                    child.kill()
                    return None
                time.sleep(STOP_EVERY_S)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    verdict = read_verdict(target)
    if child.returncode != 0 or verdict is None:
        last = (said.strip().splitlines() or ["no message"])[-1]
        return Verdict(False, f"the conversion process ended with {child.returncode}: {last}")
    return verdict


def _convert(model: Path, out: Path, texts: Sequence[str], *, quantise: bool) -> None:
    import nncf
    import openvino as ov
    import torch
    from sentence_transformers import SentenceTransformer

    # Eager attention: the fused kernels have no counterpart in a traced graph.
    network = SentenceTransformer(
        str(model),
        device="cpu",
        local_files_only=True,
        model_kwargs={"attn_implementation": "eager"},
    ).eval()
    wanted = [n for n in network.tokenizer.model_input_names if n != "position_ids"]

    class Graph(torch.nn.Module):
        def __init__(self, task: str) -> None:
            super().__init__()
            self.network, self.task = network, task

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            if "token_type_ids" in wanted:
                features["token_type_ids"] = torch.zeros_like(input_ids)
            return self.network.forward(features, task=self.task)["sentence_embedding"]

    tokens = _Tokens(model, int(network.max_seq_length))
    sample = [texts[i] for i in np.linspace(0, len(texts) - 1, CALIBRATION_TEXTS).astype(int)]
    sample += [_crop(text) for text in sample[::2]]
    feed = [
        dict(zip(("input_ids", "attention_mask"), tokens([t])[0][1:], strict=True)) for t in sample
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
            }
        )
    )
    artifacts.Manifest.of(out).write(out)


def acceptable(hit5_loss: float, mean_cosine: float) -> bool:
    """Whether a twin may serve: it finds what torch finds, or is torch's but for rounding."""
    return mean_cosine >= SAME_COSINE or (hit5_loss <= MAX_HIT_LOSS and mean_cosine >= MIN_COSINE)


def _crop(text: str, start: int = 0) -> str:
    """A stand-in for a question: eight words spread over the window, too few to be easy."""
    words = text.split()
    step = max(1, len(words) // 8)
    return " ".join(words[start % step :: step][:8]) or text


def _compare(model: Path, twin: Path, texts: Sequence[str]) -> Verdict:
    """Cosine and hit@5 of the twin beside torch, on questions cropped from the windows."""
    manifest = artifacts.Manifest.of(twin).sha256
    windows = list(dict.fromkeys(t for t in texts if t.strip()))
    windows = windows[:: max(1, len(windows) // COMPARED_TEXTS)]
    questions = [_crop(text, start) for start in range(QUESTIONS_PER_TEXT) for text in windows]
    places = np.tile(np.arange(len(windows)), QUESTIONS_PER_TEXT)
    # One after the other, and torch in small batches: whoever waits for this holds memory as well.
    torch = _embedded(LocalEncoder(model, device="cpu", batch_size=8), windows, questions)
    memory.give_back()
    fast = _embedded(AcceleratedEncoder(twin, manifest), windows, questions)
    hits = []
    for documents, asked in (torch, fast):
        scores = asked @ documents.T
        own = np.take_along_axis(scores, places[:, None], axis=1)
        hits.append(float(((scores > own + TIE).sum(axis=1) < 5).mean()))
    cosine = float((torch[0] * fast[0]).sum(axis=1).mean())
    loss = hits[0] - hits[1]
    usable = acceptable(loss, cosine)
    reason = (
        f"hit@5 {hits[1]:.3f} against torch's {hits[0]:.3f}, mean cosine {cosine:.4f}"
        f" by {len(questions)} questions on {len(windows)} windows"
    )
    return Verdict(usable, reason, cosine, hits[0], hits[1], len(questions), manifest)


def _embedded(
    encoder: Encoder, windows: Sequence[str], questions: Sequence[str]
) -> tuple[Vectors, Vectors]:
    return encoder.encode_documents(windows), encoder.encode_queries(questions)


class _Tokens:
    """Texts to batches of ids, longest first, padded to about each batch's longest."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_file(folder)))
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        self._most = max_tokens

    def __call__(
        self, texts: Sequence[str]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Per batch: places in `texts`, ids, attention mask. *Shape:* ``(b,)``, ``(b, t)``, ``(b, t)``"""
        encodings = self._tokenizer.encode_batch(list(texts))
        lengths = np.array([len(e.ids) for e in encodings])
        order = np.argsort(-lengths, kind="stable")
        batches = []
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            ids = np.zeros((len(places), self._padded(lengths[places])), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, place in enumerate(places):
                ids[row, : lengths[place]] = encodings[place].ids
                mask[row, : lengths[place]] = 1
            batches.append((places, ids, mask))
        return batches

    def _padded(self, lengths: NDArray[np.int64]) -> int:
        """Tokens that a batch is padded to, given its lengths, longest first."""
        longest = int(lengths[0])
        step = LENGTH_STEP if longest < LONG else LONG_STEP
        return min(-(-longest // step) * step, self._most)


class AcceleratedEncoder:
    """Serves a twin that `build` found usable. The same contract as `pipelines.encoder.Encoder`."""

    def __init__(self, folder: Path, manifest_sha256: str, *, threads: int | None = None) -> None:
        """
        :raises ArtifactError: The files are not those that were measured.
        """
        import openvino as ov

        files = artifacts.Manifest.of(folder).files
        files.pop(VERDICT, None)
        if artifacts.Manifest(files).sha256 != manifest_sha256:
            raise ArtifactError(f"The accelerated model in {folder} is not the one measured.")
        config = json.loads((folder / "config.json").read_text())
        self._dimension = int(config["dimension"])
        self._prompts: dict[str, str] = config["prompts"]
        self._tokens = _Tokens(folder, int(config["max_tokens"]))
        self._counter = TokenCounter(folder / "tokenizer.json")
        core = ov.Core()
        cores = threads or os.cpu_count() or 1
        # Bulk: one stream per core, each on its own batch, 1.6 x one batch spread over the cores.
        bulk = {"NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores}
        # One question: one thread, because two wait for each other beside a busy neighbour.
        single = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1}
        document = query = folder / "document.xml"
        in_bulk = {"document": _Requests(core, document, bulk, 2 * cores)}
        if (folder / "query.xml").is_file():
            query = folder / "query.xml"
            in_bulk["query"] = _Requests(core, query, bulk, 2 * cores)
        else:
            in_bulk["query"] = in_bulk["document"]
        self._requests = {**in_bulk, "question": _Requests(core, query, single, 2)}

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def tokenizer(self) -> str:
        return self._counter.fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        queue = "question" if len(texts) == 1 else "query"
        return self._encode(queue, self._prompts.get("query", ""), texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        return self._encode("document", self._prompts.get("document", ""), texts)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._counter.offsets(texts)

    def _encode(self, queue: str, prompt: str, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self._dimension), dtype=np.float32)
        rows = np.empty((len(texts), self._dimension), dtype=np.float32)

        def keep(places: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
            rows[places] = vectors

        self._requests[queue].run(self._tokens([prompt + text for text in texts]), keep)
        return unit_rows(rows, texts)


class _Requests:
    """
    Inference requests of one compiled graph, compiled at first use, for several threads at once:
    while the last batches of one call are computed, those of another keep the other cores busy.
    """

    def __init__(self, core: Any, graph: Path, config: dict[str, Any], requests: int) -> None:
        self._core, self._graph, self._config, self._requests = core, graph, config, requests
        self._compiling = threading.Lock()
        self._idle: SimpleQueue[Any] | None = None

    def run(
        self,
        batches: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]],
        keep: Callable[[NDArray[np.int64], NDArray[np.float32]], None],
    ) -> None:
        """Compute all batches; `keep` is given the places and the vectors of each, in this thread."""
        idle = self._ready()
        under_way: deque[tuple[Any, NDArray[np.int64]]] = deque()

        def finish() -> None:
            request, places = under_way.popleft()
            try:
                request.wait()
                keep(places, request.get_output_tensor(0).data)
            finally:
                idle.put(request)

        try:
            for places, ids, mask in batches:
                # Whoever has batches under way makes room by itself; so no two wait for each other.
                while under_way and idle.empty():
                    finish()
                request = idle.get()
                under_way.append((request, places))
                request.start_async([ids, mask])
            while under_way:
                finish()
        finally:
            for request, _ in under_way:  # after an error
                with suppress(RuntimeError):
                    request.wait()
                idle.put(request)

    def _ready(self) -> SimpleQueue[Any]:
        with self._compiling:
            if self._idle is None:
                compiled = self._core.compile_model(str(self._graph), "CPU", self._config)
                self._idle = SimpleQueue()
                for _ in range(self._requests):
                    self._idle.put(compiled.create_infer_request())
            return self._idle


def load(
    cache: Path, model_sha256: str, *, threads: int | None = None
) -> AcceleratedEncoder | None:
    """The usable twin of a model; None where there is none, or its files are damaged."""
    folder = folder_for(cache, model_sha256)
    verdict = read_verdict(folder)
    if verdict is None or not verdict.usable:
        return None
    try:
        return AcceleratedEncoder(folder, verdict.manifest_sha256, threads=threads)
    except (ArtifactError, ImportError, OSError, RuntimeError, InputError) as error:
        log.warning("the accelerated model is not used, torch serves: %s", error)
        return None


def main() -> None:
    """Entry of the child process: model folder, target folder, JSON list of windows."""
    when_parent_ends()
    # Both tools report use to their makers except where these say that a machine runs them.
    os.environ.update(CI="true", NNCF_CI="1")
    model, target, listed = map(Path, sys.argv[1:4])
    build(model, target, json.loads(listed.read_text()))


if __name__ == "__main__":
    main()
