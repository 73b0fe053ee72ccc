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
from pipelines.embedder.encoder import Vectors, own_tokens, packed, unit_rows
from pipelines.embedder.tokens import TokenCounter, tokenizer_file
from pipelines.errors import ArtifactError, InputError
from pipelines.system.first_use import FIRST_USE
from pipelines.text.scoring.fusion import Reading
from pipelines.text.scoring.late import QueryTokens

VERDICT = "verdict.json"
# Increased when twins get something that older ones lack: those are built again.
FORMAT = 2
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
    token_cosine: float | None = None
    format: int = FORMAT


def folder_for(cache: Path, model_sha256: str) -> Path:
    """Where the twin of the model with this manifest is kept."""
    return cache / "openvino" / model_sha256[:32]


def read_verdict(folder: Path) -> TwinReport | None:
    """
    What was found when the twin was built. None: it has not been built, is of an older format, or
    cannot be read.
    """
    try:
        found = TwinReport(**{"format": 1} | json.loads((folder / VERDICT).read_text()))
        return found if found.format == FORMAT else None
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


@dataclass(frozen=True)
class Batch:
    """
    Texts that are computed together.

    `places` says which they are. *Shape of* `places`, `ids`, `mask`: ``(b,)``, ``(b, t)``,
    ``(b, t)``
    """

    places: NDArray[np.int64]
    ids: NDArray[np.int64]
    mask: NDArray[np.int64]


# The outputs of a batch: vectors and, where the graph gives them, states of tokens.
# *Shape:* ``(b, d)``, ``(b, t, h)``
Keep = Callable[[Batch, Sequence[NDArray[np.float32]]], None]


class Tokens:
    """Texts to batches of ids, longest first, padded to about each batch's longest."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        with FIRST_USE:
            from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_file(folder)))
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        self._most = max_tokens

    def __call__(self, texts: Sequence[str]) -> list[Batch]:
        """Batches of the texts, each with its places in `texts`."""
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
            batches.append(Batch(places, ids, mask))
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
        self.late = bool(config["late"])
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
        # States of a question's tokens come from the network that reads documents.
        self._requests["states"] = self._requests["question"]
        if config["routed"]:
            self._requests["states"] = _Requests(core, document, single, 2)

    @property
    def dimension(self) -> int:
        """See `Encoder.dimension`."""
        return self._dimension

    @property
    def tokenizer(self) -> str:
        """See `Encoder.tokenizer`."""
        return self._counter.fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`. *Shape:* ``(n, d)``"""
        queue = "question" if len(texts) == 1 else "query"
        return self._encode(queue, self._prompts.get("query", ""), texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_documents`. *Shape:* ``(n, d)``"""
        return self._encode("document", self._prompts.get("document", ""), texts)

    def encode_documents_late(self, texts: Sequence[str]) -> tuple[Vectors, Sequence[bytes]]:
        """See `Encoder.encode_documents_late`. *Shape:* ``(n, d)``"""
        self._check_late()
        prompt = self._prompts.get("document", "")
        rows = np.empty((len(texts), self._dimension), dtype=np.float32)
        codes = [b""] * len(texts)

        def keep(batch: Batch, outputs: Sequence[NDArray[np.float32]]) -> None:
            vectors, states = outputs
            rows[batch.places] = vectors
            read = batch.mask.astype(bool)
            made = packed(states[read], read.sum(axis=1).tolist())
            for place, code in zip(batch.places.tolist(), made, strict=True):
                codes[place] = code

        self._requests["document"].run(self._tokens([prompt + text for text in texts]), keep)
        return unit_rows(rows, texts), codes

    def encode_query_late(self, text: str) -> tuple[NDArray[np.float32], QueryTokens]:
        """See `Encoder.encode_query_late`. *Shape:* ``(d,)``"""
        self._check_late()
        prompt = self._prompts.get("query", "")
        batches = self._tokens([prompt + text])
        vectors: list[NDArray[np.float32]] = []
        tokens: list[QueryTokens] = []

        def keep_states(batch: Batch, outputs: Sequence[NDArray[np.float32]]) -> None:
            read = batch.mask[0].astype(bool)
            ids, states = batch.ids[0, read], outputs[1][0, read]
            tokens.append(own_tokens(self._counter, ids, states, prompt, text))

        def keep(batch: Batch, outputs: Sequence[NDArray[np.float32]]) -> None:
            vectors.append(unit_rows(outputs[0], [text])[0])
            if len(outputs) > 1:
                keep_states(batch, outputs)

        self._requests["question"].run(batches, keep)
        if not tokens:
            self._requests["states"].run(batches, keep_states)
        return vectors[0], tokens[0]

    def _check_late(self) -> None:
        if not self.late:
            raise InputError("This embedder gives no states of tokens.")

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_offsets`. *Shape:* ``(t, 2)`` each"""
        return self._counter.offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_ids`. *Shape:* ``(t,)`` each"""
        return self._counter.ids(texts)

    def reading(self, text: str) -> Reading:
        """See `Encoder.reading`."""
        return self._counter.reading(text)

    def _encode(self, queue: str, prompt: str, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self._dimension), dtype=np.float32)
        rows = np.empty((len(texts), self._dimension), dtype=np.float32)

        def keep(batch: Batch, outputs: Sequence[NDArray[np.float32]]) -> None:
            rows[batch.places] = outputs[0]

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

    def run(self, batches: Sequence[Batch], keep: Keep) -> None:
        """
        Compute all batches.

        :param keep: Called with each and its outputs, in this thread. They are overwritten later.
        """
        idle = self._ready()
        under_way: deque[tuple[Any, Batch]] = deque()

        def finish() -> None:
            request, batch = under_way.popleft()
            try:
                request.wait()
                keep(batch, [output.data for output in request.output_tensors])
            finally:
                idle.put(request)

        try:
            for batch in batches:
                # Whoever has batches under way makes room by itself; so no two wait for each other.
                while under_way and idle.empty():
                    finish()
                request = idle.get()
                under_way.append((request, batch))
                request.start_async([batch.ids, batch.mask])
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
    """
    Load the usable twin of a model.

    :returns: None if there is none, or if it cannot be loaded.
    """
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
