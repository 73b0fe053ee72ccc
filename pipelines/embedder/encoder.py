"""
Encoders: texts to unit vectors. What they embed with is immutable once built.

`load` turns a model folder or an ``openai:NAME`` id into an encoder. Importing this module is
cheap: torch and sentence-transformers load with the first local model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.streams import Streams
from pipelines.errors import InputError, ProviderError
from pipelines.system.first_use import FIRST_USE
from pipelines.text.fusion import Reading

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]
# Texts tokenized together: what the tokenizer says of each token takes hundreds of bytes, and a
# long document has millions.
COUNTED_AT_ONCE = 64
CPU_BATCH, GPU_BATCH = 16, 32


class Encoder(Protocol):
    """What search, ingest and evaluation need of an embedding model."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def tokenizer(self) -> str:
        """Fingerprint of the tokenizer that counts a window's tokens."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions with the model's query prompt. Unit rows. *Shape:* ``(n, d)``"""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed windows with the model's document prompt. Unit rows. *Shape:* ``(n, d)``"""
        ...

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Start and end character of every token, without special tokens. *Shape:* ``(t, 2)`` each"""
        ...

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The vocabulary's id of every token, without special tokens. *Shape:* ``(t,)`` each"""
        ...

    def reading(self, text: str) -> Reading | None:
        """
        How the model's vocabulary covers a text.

        :returns: None if the model's own tokenizer is not at hand.
        """
        ...


def unit_rows(vectors: NDArray[Any], texts: Sequence[str]) -> Vectors:
    """
    The rows scaled to length 1, float32.

    :raises InputError: A row's norm is zero or not finite: a cosine index would drop it silently.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
    if len(bad):
        raise InputError(f"No usable embedding for the text {texts[int(bad[0])][:60]!r}.")
    return np.asarray(rows / norms, dtype=np.float32)


def tokenizer_file(folder: Path) -> Path:
    """
    The `tokenizer.json` of a model folder; a routed model keeps it one level down.

    :raises InputError: There is none (only fast tokenizers give character offsets).
    """
    found = sorted(folder.rglob("tokenizer.json"), key=lambda path: len(path.parts))
    if not found:
        raise InputError(f"The model in {folder} has no tokenizer.json (a fast tokenizer).")
    return found[0]


class TokenCounter:
    """Token offsets by a `tokenizers` file; the fast path all local models share."""

    def __init__(self, tokenizer_json: Path) -> None:
        with FIRST_USE:
            from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer_json))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # As tokenizers of the BERT and of the SentencePiece family call it.
        names = map(self._tokenizer.token_to_id, ("[UNK]", "<unk>"))
        self._unknown = [number for number in names if number is not None]
        # Vocabulary and rules decide the offsets; truncation settings of the file do not.
        rules = self._tokenizer.to_str().encode()
        self.fingerprint = hashlib.sha256(rules).hexdigest()[:12]

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_offsets`."""
        found = []
        for start in range(0, len(texts), COUNTED_AT_ONCE):
            some = list(texts[start : start + COUNTED_AT_ONCE])
            for encoding in self._tokenizer.encode_batch(some, add_special_tokens=False):
                found.append(np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2))
        return found

    def ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_ids`."""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.asarray(encoding.ids, dtype=np.int64) for encoding in found]

    def reading(self, text: str) -> Reading:
        """See `Encoder.reading`."""
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return Reading(len(ids), sum(map(ids.count, self._unknown)))


def load_torch() -> None:
    """Import torch and what is built on it, while no other thread does the like."""
    with FIRST_USE:
        import sentence_transformers

        _ = sentence_transformers


@cache
def _all_threads() -> int:
    """As many as torch takes by itself; asked before the first question takes one."""
    import torch

    return torch.get_num_threads()


def _wants_bf16(device: torch.device) -> bool:
    """Half of the memory and twice the speed, for vectors that differ in the fourth digit."""
    import torch

    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def stated_dimension(folder: Path) -> int | None:
    """
    Vector length of a sentence-transformers folder by its files, where it is plain: a transformer,
    one way of pooling, and normalising at most. None: only the loaded model knows.
    """
    try:
        modules = json.loads((folder / "modules.json").read_text())
        kinds = {module["type"].rpartition(".")[2]: module["path"] for module in modules}
        if (
            not {"Transformer", "Pooling"}
            <= kinds.keys()
            <= {"Transformer", "Pooling", "Normalize"}
        ):
            return None
        pooling = json.loads((folder / kinds["Pooling"] / "config.json").read_text())
        modes = [name for name in pooling if name.startswith("pooling_mode") and pooling[name]]
        dimension = pooling.get("embedding_dimension") or pooling["word_embedding_dimension"]
        return int(dimension) if len(modes) == 1 and isinstance(dimension, int) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


class LocalEncoder:
    """
    A sentence-transformers model in a local folder, loaded when it is first needed: to count tokens
    takes neither torch nor the weights, half a gigabyte and seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str | None = None,
        threads: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        """
        :param device: ``cpu``, ``cuda``, ...; None: the best there is.
        :param threads: CPU cores for many texts; a single question always uses one.
        :param batch_size: Texts computed together; None: what is fastest on the device.
        """
        self._folder = folder
        self._wanted_device = device
        self._counter = TokenCounter(tokenizer_file(folder))
        self._stated_dimension = stated_dimension(folder)
        self._threads = threads
        self._batch_size = batch_size
        self._running: _Running | None = None

    @property
    def dimension(self) -> int:
        if self._stated_dimension is not None:
            return self._stated_dimension
        dimension = self._loaded().model.get_embedding_dimension()
        if dimension is None:
            raise InputError(f"The model in {self._folder} does not say its dimension.")
        return int(dimension)

    @property
    def tokenizer(self) -> str:
        return self._counter.fingerprint

    @property
    def device(self) -> str:
        """Where the weights are: ``cpu``, ``cuda:0``, ..."""
        return str(self._loaded().model.device)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode("encode_query", texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        return self._encode("encode_document", texts)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._counter.offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._counter.ids(texts)

    def reading(self, text: str) -> Reading:
        return self._counter.reading(text)

    def _loaded(self) -> _Running:
        if self._running is not None:
            return self._running
        with FIRST_USE:
            if self._running is None:
                from sentence_transformers import SentenceTransformer
                from transformers.utils import logging

                logging.disable_progress_bar()  # one for every load, on the stderr of every command
                most = _all_threads()
                model = SentenceTransformer(
                    str(self._folder), device=self._wanted_device, local_files_only=True
                ).eval()
                if _wants_bf16(model.device):
                    model = model.bfloat16()
                model.encode("", show_progress_bar=False)  # sets the tokenizer up, in one thread
                on_cpu = model.device.type == "cpu"
                self._running = _Running(
                    model,
                    Streams(self._threads or most if on_cpu else 1),
                    self._batch_size or (CPU_BATCH if on_cpu else GPU_BATCH),
                )
            return self._running

    def _encode(self, method: str, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        running = self._loaded()
        encode = getattr(running.model, method)

        def batch(some: list[str]) -> NDArray[Any]:
            rows: NDArray[Any] = encode(
                some,
                batch_size=running.batch_size,
                convert_to_numpy=True,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            return rows

        return unit_rows(running.streams.run(batch, texts, running.batch_size), texts)


@dataclass(frozen=True)
class _Running:
    """A model in memory, and the threads that compute by it."""

    model: SentenceTransformer
    streams: Streams
    batch_size: int


class OpenAIEncoder:
    """Embeddings of an OpenAI-compatible endpoint. Windows are counted with a local tokenizer."""

    def __init__(
        self,
        model: str,
        *,
        dimension: int | None,
        counter: TokenCounter,
        api_key: str | None = None,
        base_url: str | None = None,
        batch_size: int = 128,
        timeout_s: float = 30,
    ) -> None:
        """:param dimension: Length of its vectors; None: ask the endpoint when it is first needed."""
        from openai import OpenAI

        self.model = model
        self._client = OpenAI(
            api_key=api_key or "none", base_url=base_url, timeout=timeout_s, max_retries=4
        )
        self._dimension = dimension
        self._counter = counter
        self.batch_size = batch_size
        self.tokens_used = 0

    @property
    def base_url(self) -> str:
        """The endpoint that is asked."""
        return str(self._client.base_url)

    @property
    def dimension(self) -> int:
        if self._dimension is None:
            self._dimension = len(self._request(["dimension"])[0])
        return self._dimension

    @property
    def tokenizer(self) -> str:
        return self._counter.fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts)

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._counter.offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        return self._counter.ids(texts)

    def reading(self, text: str) -> None:
        """None: the provider's tokenizer is not known, and windows are counted by another."""

    def _encode(self, texts: Sequence[str]) -> Vectors:
        rows: list[list[float]] = []
        for start in range(0, len(texts), self.batch_size):
            rows.extend(self._request(list(texts[start : start + self.batch_size])))
        found = {len(row) for row in rows} or {self.dimension}
        if found != {self.dimension}:
            raise ProviderError(
                f"{self.model} returned vectors of length {sorted(found)}, expected {self.dimension}."
            )
        return unit_rows(np.asarray(rows, dtype=np.float32).reshape(len(rows), -1), texts)

    def _request(self, batch: list[str]) -> list[list[float]]:
        from openai import OpenAIError

        try:
            answer = self._client.embeddings.create(model=self.model, input=batch)
        except OpenAIError as error:
            raise ProviderError(f"Embeddings by {self.model} failed: {error}") from error
        if len(answer.data) != len(batch):
            raise ProviderError(
                f"{self.model} returned {len(answer.data)} vectors for {len(batch)} texts."
            )
        if answer.usage:
            self.tokens_used += answer.usage.total_tokens
        return [row.embedding for row in sorted(answer.data, key=lambda row: row.index)]
