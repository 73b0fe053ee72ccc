"""
A sentence-transformers model in a local folder, computed by torch: what its files say without
loading it, and how it embeds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.encoder import Vectors, own_tokens, packed, unit_rows
from pipelines.embedder.streams import Streams, bf16_pays, halved
from pipelines.embedder.tokens import TokenCounter, tokenizer_file
from pipelines.errors import InputError
from pipelines.system.first_use import FIRST_USE
from pipelines.text.scoring.fusion import Reading
from pipelines.text.scoring.late import QueryTokens

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

CPU_BATCH, GPU_BATCH = 16, 32


@cache
def _all_threads() -> int:
    """Threads that torch uses by default. Call this before the first question, which uses one."""
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


def states_tokens(folder: Path) -> bool:
    """
    Whether a sentence-transformers folder gives states of a document's tokens, by its files: its
    first module, or the first on the documents' way, is a transformer that puts them out.
    """
    try:
        first = json.loads((folder / "modules.json").read_text())[0]
        kind, place = first["type"], folder / first["path"]
        if kind.endswith(".Router"):
            router = json.loads((place / "router_config.json").read_text())
            name = router["structure"]["document"][0]
            kind, place = router["types"][name], place / name
        settings = place / "sentence_bert_config.json"
        stated = json.loads(settings.read_text()) if settings.is_file() else {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
    output = stated.get("module_output_name", "token_embeddings")
    return str(kind).endswith(".Transformer") and output == "token_embeddings"


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
        may_halve: bool = False,
    ) -> None:
        """
        :param device: ``cpu``, ``cuda``, ... If None, the best there is.
        :param threads: CPU cores for many texts. A single question always uses one.
        :param batch_size: Texts computed together. If None, what is fastest on the device.
        :param may_halve: Documents may be computed in bf16 on a CPU where that pays (`bf16_pays`).
        """
        self._folder = folder
        self._wanted_device = device
        self._counter = TokenCounter(tokenizer_file(folder))
        self._stated_dimension = stated_dimension(folder)
        self.late = states_tokens(folder)
        self._threads = threads
        self._batch_size = batch_size
        self._may_halve = may_halve
        self._running: _Running | None = None

    @classmethod
    def around(cls, model: SentenceTransformer, folder: Path) -> LocalEncoder:
        """Embed with a loaded model, which may be trained on, by the tokenizer of its folder."""
        encoder = cls(folder, may_halve=True)
        encoder._running = encoder._run(model.eval())
        return encoder

    @property
    def dimension(self) -> int:
        """See `Encoder.dimension`."""
        if self._stated_dimension is not None:
            return self._stated_dimension
        dimension = self._loaded().model.get_embedding_dimension()
        if dimension is None:
            raise InputError(f"The model in {self._folder} does not say its dimension.")
        return int(dimension)

    @property
    def tokenizer(self) -> str:
        """See `Encoder.tokenizer`."""
        return self._counter.fingerprint

    @property
    def device(self) -> str:
        """Where the weights are: ``cpu``, ``cuda:0``, ..."""
        return str(self._loaded().model.device)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`. *Shape:* ``(n, d)``"""
        return self._encode("encode_query", texts)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_documents`. *Shape:* ``(n, d)``"""
        return self._encode("encode_document", texts)

    def encode_documents_late(self, texts: Sequence[str]) -> tuple[Vectors, Sequence[bytes]]:
        """See `Encoder.encode_documents_late`. *Shape:* ``(n, d)``"""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32), []
        running = self._loaded()

        def batch(some: list[str]) -> list[tuple[NDArray[np.float32], bytes]]:
            passes = running.document_passes(some)
            vectors = np.stack([one.vector for one in passes])
            states = np.concatenate([one.states for one in passes])
            return list(zip(vectors, packed(states, [len(one.ids) for one in passes]), strict=True))

        rows = running.streams.run(batch, texts, running.batch_size)
        return unit_rows(np.stack([row for row, _ in rows]), texts), [code for _, code in rows]

    def encode_query_late(self, text: str) -> tuple[NDArray[np.float32], QueryTokens]:
        """See `Encoder.encode_query_late`. *Shape:* ``(d,)``"""
        running = self._loaded()
        (one,) = running.streams.run(lambda some: [running.question_pass(some[0])], [text], 1)
        tokens = own_tokens(self._counter, one.ids, one.states, running.question_prompt, text)
        return unit_rows(one.vector[None], [text])[0], tokens

    def token_offsets(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_offsets`. *Shape:* ``(t, 2)`` each"""
        return self._counter.offsets(texts)

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """See `Encoder.token_ids`. *Shape:* ``(t,)`` each"""
        return self._counter.ids(texts)

    def reading(self, text: str) -> Reading:
        """See `Encoder.reading`."""
        return self._counter.reading(text)

    def _loaded(self) -> _Running:
        if self._running is not None:
            return self._running
        with FIRST_USE:
            if self._running is None:
                from sentence_transformers import SentenceTransformer
                from transformers.utils import logging

                logging.disable_progress_bar()  # one for every load, on the stderr of every command
                _all_threads()
                model = SentenceTransformer(
                    str(self._folder), device=self._wanted_device, local_files_only=True
                ).eval()
                if _wants_bf16(model.device):
                    model = model.bfloat16()
                self._running = self._run(model)
            return self._running

    def _run(self, model: SentenceTransformer) -> _Running:
        most = _all_threads()
        model.encode("", show_progress_bar=False)  # sets the tokenizer up, in one thread
        on_cpu = model.device.type == "cpu"
        return _Running(
            model,
            Streams(self._threads or most if on_cpu else 1),
            self._batch_size or (CPU_BATCH if on_cpu else GPU_BATCH),
            halves=on_cpu and self._may_halve and bf16_pays(),
        )

    def _encode(self, method: str, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        running = self._loaded()
        encode = getattr(running.model, method)

        halves = running.halves and method == "encode_document"

        def batch(some: list[str]) -> list[NDArray[Any]]:
            with halved(halves):
                rows = encode(
                    some,
                    batch_size=running.batch_size,
                    convert_to_numpy=True,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
            return list(rows)

        return unit_rows(np.stack(running.streams.run(batch, texts, running.batch_size)), texts)


@dataclass(frozen=True)
class _Pass:
    """
    What one pass gives of a text, without padding.

    *Shape of* `vector`, `ids`, `states`: ``(d,)``, ``(t,)``, ``(t, h)``
    """

    vector: NDArray[np.float32]
    ids: NDArray[np.int64]
    states: NDArray[np.float32]

    @classmethod
    def of(cls, features: Mapping[str, torch.Tensor]) -> _Pass:
        read = features["attention_mask"].bool()
        return cls(
            features["sentence_embedding"].float().cpu().numpy(),
            features["input_ids"][read].cpu().numpy(),
            features["token_embeddings"][read].float().cpu().numpy(),
        )


@dataclass(frozen=True)
class _Running:
    """A model in memory, and the threads that compute by it."""

    model: SentenceTransformer
    streams: Streams
    batch_size: int
    halves: bool = False  # documents are computed in bf16

    @property
    def question_prompt(self) -> str:
        """What the model reads before a question."""
        prompts = self.model.prompts
        name = "query" if "query" in prompts else self.model.default_prompt_name
        return "" if name is None else str(prompts.get(name) or "")

    def document_passes(self, texts: list[str]) -> list[_Pass]:
        """Windows, embedded together."""
        with halved(self.halves):
            made = self.model.encode_document(
                texts, batch_size=len(texts), output_value=None, show_progress_bar=False
            )
        return [_Pass.of(one) for one in made]

    def question_pass(self, text: str) -> _Pass:
        """A question, its states by the network that reads documents."""
        encode = partial(self.model.encode, output_value=None, show_progress_bar=False)
        (asked,) = encode([text], prompt=self.question_prompt, task="query")
        if not self._routed:
            return _Pass.of(asked)
        (read,) = encode([text], prompt=self.question_prompt, task="document")
        return replace(_Pass.of(read), vector=_Pass.of(asked).vector)

    @property
    def _routed(self) -> bool:
        """Whether questions and documents go through networks of their own."""
        return type(self.model[0]).__name__ == "Router"
