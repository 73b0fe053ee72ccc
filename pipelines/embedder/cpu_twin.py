"""
A model's twin for CPUs: OpenVINO graphs made directly from the sentence-transformers folder.

`pipelines/embedder/build_twin` makes them once per model and measures them against torch; `AcceleratedEncoder`
serves them. GPUs and models that cannot be converted keep torch.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder import model_files
from pipelines.embedder.encoder import (
    TokenCounter,
    Vectors,
    tokenizer_file,
    unit_rows,
)
from pipelines.errors import ArtifactError, InputError
from pipelines.system.first_use import FIRST_USE
from pipelines.text.fusion import Reading

VERDICT = "verdict.json"
BATCH = 8
# Lengths are rounded up to these tokens: for every new shape OpenVINO compiles kernels and lays out
# memory, which it keeps. Every length by itself takes 620 MB after 3,000 windows and goes on
# growing, rounded 360 MB and no more, in less time.
LENGTH_STEP = 8
# Of long texts most are windows of one size, give or take a token.
LONG, LONG_STEP = 100, 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TwinReport:
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


def read_verdict(folder: Path) -> TwinReport | None:
    """What was found when the twin was built; None: it has not been built, or cannot be read."""
    try:
        return TwinReport(**json.loads((folder / VERDICT).read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s is damaged, the twin is built again: %s", folder / VERDICT, error)
        return None


def openvino() -> Any:
    """
    The library, past its first use.

    It sets up its tables of numpy types when the first array becomes a tensor, and when the first
    tensor is read. Two threads that do so at once stop each other for ever (`pipelines.system.first_use`),
    so both happen here, alone, before any thread embeds.
    """
    with FIRST_USE:
        import openvino as library

        _ = library.Tensor(np.zeros((1, 1), dtype=np.int64)).data
    return library


class Tokens:
    """Texts to batches of ids, longest first, padded to about each batch's longest."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        with FIRST_USE:
            from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_file(folder)))
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        self._most = max_tokens

    def __call__(
        self, texts: Sequence[str]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """Per batch: places in `texts`, ids, attention mask. *Shape:* ``(b,)``, ``(b, t)``, ``(b, t)``"""
        encodings = self._tokenizer.encode_batch_fast(list(texts))  # without offsets
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
    """Serves a twin that `build` found usable. The same contract as `pipelines.embedder.encoder.Encoder`."""

    def __init__(self, folder: Path, manifest_sha256: str, *, threads: int | None = None) -> None:
        """
        :raises ArtifactError: The files are not those that were measured.
        """
        files = model_files.Manifest.of(folder).files
        files.pop(VERDICT, None)
        if model_files.Manifest(files).sha256 != manifest_sha256:
            raise ArtifactError(f"The accelerated model in {folder} is not the one measured.")
        config = json.loads((folder / "config.json").read_text())
        self._dimension = int(config["dimension"])
        self._prompts: dict[str, str] = config["prompts"]
        self._tokens = Tokens(folder, int(config["max_tokens"]))
        self._counter = TokenCounter(folder / "tokenizer.json")
        core = openvino().Core()
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

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._counter.ids(texts)

    def reading(self, text: str) -> Reading:
        return self._counter.reading(text)

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
    except ArtifactError as error:
        log.warning("%s It is built again. Until then torch serves.", error)
        with suppress(OSError):
            (folder / VERDICT).unlink()
        return None
    except (ImportError, OSError, RuntimeError, InputError) as error:
        log.warning("the accelerated model is not used, torch serves: %s", error)
        return None
