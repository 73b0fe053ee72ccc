"""
Comparison with peers: LlamaIndex, plain Haystack with pgvector, and txtai, on the same passages,
questions and model.

Passages are those of the seed's validation set, one chunk each, embedded by the bundled model. The
peers run as their guides show first, with torch: one vector per passage, nearest first. LlamaIndex
keeps them in memory, txtai in memory with faiss, Haystack in the same Postgres. Attune runs as it is
installed, with the accelerated twin that it has after the first documents, and by torch like the
peers.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from sentence_transformers import SentenceTransformer

from app.services import Services
from bench.retrieval_check import VALIDATION
from bench.scratch import accelerate, scratch
from pipelines.embedder import model_files
from pipelines.search import hybrid
from pipelines.search.handle import SearchHandle
from pipelines.text.windows import cut
from training.evaluation.corpus import load_corpus
from training.pairs import seedfile
from training.pairs.seedfile import SeedFile

TOP_K = 5
# Questions that a system answers before it is the next one's turn.
TURN = 50
MODEL = str(model_files.bundled_model())


class Contestant(Protocol):
    """A system that finds the passages nearest to a question."""

    name: str

    def load(self, passages: dict[str, str]) -> None: ...

    def ask(self, question: str) -> Sequence[str]:
        """Names of the nearest `TOP_K` passages, best first."""


class Attune:
    """Windows of passages. Words, vectors and late interaction are fused."""

    def __init__(self, name: str, services: Services) -> None:
        self.name = name
        self._services = services
        self._names: dict[int, str] = {}
        self._late = True

    def without_late(self) -> Attune:
        """The same passages, searched without late interaction."""
        plain = Attune(f"{self.name}, without late interaction", self._services)
        plain._names, plain._late = self._names, False
        return plain

    def load(self, passages: dict[str, str]) -> None:
        with self._services.pool.connection() as conn:
            chunks = load_corpus(conn, self._services.replica.current(), passages)
        self._names = {int(chunk): name for name, chunk in chunks.items()}

    def ask(self, question: str) -> Sequence[str]:
        handle = self._services.replica.current()
        vector, tokens = handle.read(question)
        tokens = tokens if self._late else None
        with self._services.pool.connection() as conn:
            hits = hybrid.hybrid(conn, handle, question, vector, TOP_K, tokens=tokens)
        return [self._names[int(hit.chunk_id)] for hit in hits]


class Haystack:
    """PgvectorDocumentStore with an HNSW index, and its embedding retriever."""

    name = "Haystack with PgvectorDocumentStore"

    def __init__(self, services: Services) -> None:
        from haystack.utils import Secret
        from haystack_integrations.components.retrievers.pgvector import PgvectorEmbeddingRetriever
        from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore

        self._model = SentenceTransformer(MODEL, device="cpu")
        self._store = PgvectorDocumentStore(
            connection_string=Secret.from_token(services.dsn),
            embedding_dimension=384,
            search_strategy="hnsw",
        )
        self._retriever = PgvectorEmbeddingRetriever(document_store=self._store, top_k=TOP_K)

    def load(self, passages: dict[str, str]) -> None:
        from haystack import Document

        vectors = self._model.encode(list(passages.values()))
        self._store.write_documents(
            [
                Document(content=text, meta={"name": name}, embedding=vector.tolist())
                for (name, text), vector in zip(passages.items(), vectors, strict=True)
            ]
        )

    def ask(self, question: str) -> Sequence[str]:
        vector = self._model.encode(question).tolist()
        found = self._retriever.run(query_embedding=vector)["documents"]
        return [document.meta["name"] for document in found]


class LlamaIndex:
    """VectorStoreIndex in memory, as in the tutorial that this project started from."""

    name = "LlamaIndex, in memory"

    def __init__(self) -> None:
        from llama_index.core.base.embeddings.base import BaseEmbedding
        from pydantic import PrivateAttr

        class Embedding(BaseEmbedding):
            _model: Any = PrivateAttr()

            def model_post_init(self, context: Any) -> None:
                super().model_post_init(context)
                self._model = SentenceTransformer(MODEL, device="cpu")

            def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
                found: list[list[float]] = self._model.encode(texts).tolist()
                return found

            def _get_text_embedding(self, text: str) -> list[float]:
                return self._get_text_embeddings([text])[0]

            _get_query_embedding = _get_text_embedding

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return self._get_text_embedding(query)

        self._model = Embedding(embed_batch_size=32)
        self._retriever: Any = None

    def load(self, passages: dict[str, str]) -> None:
        from llama_index.core import VectorStoreIndex
        from llama_index.core.schema import TextNode

        nodes = [TextNode(id_=name, text=text) for name, text in passages.items()]
        index = VectorStoreIndex(nodes, embed_model=self._model)
        self._retriever = index.as_retriever(similarity_top_k=TOP_K)

    def ask(self, question: str) -> Sequence[str]:
        return [found.node.node_id for found in self._retriever.retrieve(question)]


class Txtai:
    """Embeddings with the default settings: a faiss index in memory."""

    name = "txtai, in memory"

    def __init__(self) -> None:
        from txtai import Embeddings

        self._embeddings = Embeddings(path=MODEL, gpu=False)

    def load(self, passages: dict[str, str]) -> None:
        self._embeddings.index(list(passages.items()))

    def ask(self, question: str) -> Sequence[str]:
        return [name for name, _ in self._embeddings.search(question, TOP_K)]


def rows() -> list[dict[str, Any]]:
    """Figures of each system. No rows without the question set or the packages (`.[peers]`)."""
    if not VALIDATION.is_file():
        return []
    if not all(map(find_spec, ("llama_index", "haystack_integrations", "txtai"))):
        return []
    questions = seedfile.read(VALIDATION)
    passages = dict(questions.corpus)
    with scratch() as installed, scratch() as by_torch:
        windows = _windows(installed.replica.current(), list(passages.values()))
        accelerate(installed, windows)
        own, same = Attune("Attune as installed", installed), Attune("Attune by torch", by_torch)
        peers: list[Contestant] = [Haystack(by_torch), LlamaIndex(), Txtai()]
        rates = {one.name: _load(one, passages) for one in (own, same, *peers)}
        figures = _ask([own, own.without_late(), same, *peers], questions)
    how = f"finance_10k/val: {len(passages)} passages, {len(questions.queries)} questions"
    found = []
    for name, (hit, ms) in figures.items():
        found.append(_row(f"{name}: hit@{TOP_K}, untuned", hit, "", "higher", how))
        found.append(_row(f"{name}: a question, p50", ms, "ms", "lower", f"{how}; with its vector"))
    for name, rate in rates.items():
        found.append(_row(f"{name}: passages/s taken in", rate, "1/s", "higher", how))
    return found + _ratios(figures, rates, how)


def _ratios(
    figures: Mapping[str, tuple[float, float]], rates: Mapping[str, float], how: str
) -> list[dict[str, Any]]:
    """Attune as installed beside the peers. The peers' names are the last three."""
    whole, plain, *_, llama, _ = (ms for _, ms in figures.values())
    own, *_ = rates.values()
    fastest = max(list(rates.values())[-3:])
    rows = [
        _row("a question as installed over LlamaIndex's", whole / llama, "x", "lower", how),
        _row("the same without late interaction", plain / llama, "x", "lower", how),
        _row("passages/s as installed over the fastest peer's", own / fastest, "x", "higher", how),
    ]
    return [row | {"goal": goal} for row, goal in zip(rows, (1.5, 1.0, 1.0), strict=True)]


def _windows(handle: SearchHandle, texts: Sequence[str]) -> list[str]:
    """The windows of passages, as the index has them."""
    return [
        text[start:end]
        for text, offsets in zip(texts, handle.encoder.token_offsets(list(texts)), strict=True)
        for start, end in cut(offsets, handle.size_tokens, handle.stride_tokens)
    ]


def _load(one: Contestant, passages: dict[str, str]) -> float:
    """Load the passages and return passages per second."""
    started = time.perf_counter()
    one.load(passages)
    return len(passages) / (time.perf_counter() - started)


def _ask(contestants: Sequence[Contestant], questions: SeedFile) -> dict[str, tuple[float, float]]:
    """
    Hit rate and median milliseconds of each system.

    The systems take turns of `TURN` questions after one that does not count. Single questions do
    not alternate, because threads that one system leaves spinning would slow the next.
    """
    hits: dict[str, list[bool]] = {one.name: [] for one in contestants}
    times: dict[str, list[float]] = {one.name: [] for one in contestants}
    asked = list(questions.queries.items())
    for first in range(0, len(asked), TURN):
        turn = asked[first : first + TURN]
        for one in contestants:
            one.ask(turn[0][1])
            for query, text in turn:
                relevant = set(questions.relevant_docs[query])
                spent, found = _timed(lambda one=one, text=text: one.ask(text))
                times[one.name].append(spent)
                hits[one.name].append(not relevant.isdisjoint(found))
    return {name: (statistics.mean(hits[name]), statistics.median(times[name])) for name in hits}


def _timed(work: Callable[[], Sequence[str]]) -> tuple[float, Sequence[str]]:
    started = time.perf_counter()
    found = work()
    return (time.perf_counter() - started) * 1e3, found


def _row(name: str, value: float, unit: str, better: str, how: str) -> dict[str, Any]:
    """A figure for comparison, without a goal."""
    return {
        "name": name, "value": round(value, 3), "unit": unit, "goal": None, "better": better,
        "how": how,
    }  # fmt: skip


def main() -> None:
    for row in rows():
        print(json.dumps(row))


if __name__ == "__main__":
    main()
