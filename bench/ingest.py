"""
Taking files in against bare encoding: windows a second of both, on the same windows, in turn.

Pages of a public documentation set are ingested as Markdown files into an empty library, then their
windows are embedded again by the encoder alone. Once with torch, against `SentenceTransformer.encode`
as it comes, and once with the accelerated twin, against the twin itself. What a graph over many
windows adds is in `bench/growth` and `bench/scale`.
"""

from __future__ import annotations

import statistics
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from app.wiring import Services, open_ingester
from bench.scratch import scratch
from pipelines import reindex
from pipelines.incoming import Incoming
from pipelines.ingest import Ingester
from pipelines.store import chunks, documents, models

PAGES = Path(__file__).resolve().parents[2] / "shared/data/scale/docs_md.tar.gz"
ROUNDS = 3
# Files of a round: many seconds of embedding by either encoder, and fewer windows than get a graph.
TORCH_FILES, TWIN_FILES = 40, 210


def rows() -> list[dict[str, Any]]:
    """Ratios for both encoders; none where the pages are absent."""
    if not PAGES.is_file():
        return []
    files = some_pages(ROUNDS * (TORCH_FILES + TWIN_FILES))
    by_torch, by_twin = files[: ROUNDS * TORCH_FILES], files[ROUNDS * TORCH_FILES :]
    with scratch() as services:
        handle = services.replica.current()
        with services.pool.connection() as conn:
            model = models.get(conn, handle.model_id)
        assert model is not None
        plain = SentenceTransformer(str(reindex.model_folder(model)), device="cpu")
        torch = _ratio(services, _rounds(by_torch), lambda texts: plain.encode(list(texts)))
        # The last round's: the others are gone.
        _accelerate(services, _windows(services))
        encoder = services.replica.current().encoder
        twin = _ratio(services, _rounds(by_twin), encoder.encode_documents)
    return [
        _row("ingest over bare SentenceTransformer.encode", torch),
        _row("ingest over bare encode, accelerated", twin),
    ]


def _rounds(files: list[Incoming]) -> list[list[Incoming]]:
    size = len(files) // ROUNDS
    return [files[n : n + size] for n in range(0, len(files), size)]


def some_pages(count: int) -> list[Incoming]:
    """Pages, the shortest and longest left out: of like size each."""
    found = []
    with tarfile.open(PAGES) as archive:
        for member in archive:
            if member.isfile() and 2_000 < member.size < 30_000:
                content = archive.extractfile(member)
                assert content is not None
                data = content.read()
                found.append(Incoming(member.name, member.name, partial(bytes, data)))
            if len(found) == count:
                break
    return found


def _ratio(
    services: Services,
    rounds: Sequence[Sequence[Incoming]],
    encode: Callable[[Sequence[str]], object],
) -> dict[str, Any]:
    ratios, rates, windows = [], [], 0
    encode(["warm", "up"])
    with open_ingester(services) as ingester:
        # The reader process starts with the first file.
        _ingest(replace(ingester, on_bulk=None), rounds[0][:1])
        for files in rounds:
            _empty(services)
            whole, count = _ingest(replace(ingester, on_bulk=None), files)
            texts = _windows(services, [file.source for file in files])
            assert len(texts) == count, (len(texts), count)
            started = time.perf_counter()
            encode(texts)
            bare = time.perf_counter() - started
            ratios.append(bare / whole)
            rates.append(count / whole)
            windows += count
    return {
        "ratio": statistics.median(ratios),
        "rate": statistics.median(rates),
        "windows": windows,
    }


def _ingest(ingester: Ingester, files: Sequence[Incoming]) -> tuple[float, int]:
    """Seconds and windows."""
    started = time.perf_counter()
    count = sum(outcome.windows for outcome in ingester.ingest_many(files))
    return time.perf_counter() - started, count


def _empty(services: Services) -> None:
    with services.pool.connection() as conn:
        for listed in documents.list_all(conn):
            chunks.delete_document(conn, listed.document.id)


def _windows(services: Services, sources: Sequence[str] | None = None) -> list[str]:
    """Texts of the windows of these files; None: of all."""
    with services.pool.connection() as conn:
        return [
            row[0]
            for row in conn.execute(
                "select substr(c.text, w.char_start + 1, w.char_end - w.char_start)"
                " from text_window w join chunk c on c.id = w.chunk_id"
                " join document d on d.id = c.document_id"
                " where d.source = any(%(sources)s) or %(sources)s::text[] is null order by w.id",
                {"sources": None if sources is None else list(sources)},
            )
        ]


def _accelerate(services: Services, windows: Sequence[str]) -> None:
    with services.pool.connection() as conn:
        model = models.get(conn, services.replica.current().model_id)
    assert model is not None
    reindex.accelerate(model, services.options, windows)
    services.replica.reload()


def _row(name: str, measured: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(measured["ratio"], 3),
        "unit": "x",
        "goal": 0.95,
        "better": "higher",
        "how": f"median of {ROUNDS} rounds of Markdown files in turn, {measured['windows']} windows;"
        f" {measured['rate']:.0f} windows/s ingested",
    }
