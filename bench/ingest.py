"""
Ingest compared with bare encoding: windows per second of both, on the same windows, in turn.

Pages of a public documentation set are ingested as Markdown files into an empty library. Then their
windows are embedded again by the encoder alone. With torch, the comparison is
`SentenceTransformer.encode` unchanged. With the accelerated twin, it is the same with the twin's
graph in place of torch, and the twin itself. Then a long file is ingested, and the same file with
one more sentence. `bench/growth` and `bench/scale` measure what a graph over many windows adds.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from app.actions.ingest import open_ingester
from app.services import Services
from bench.scratch import accelerate, scratch
from pipelines.embedder import cpu_twin, loading
from pipelines.embedder.cpu_twin import openvino
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.store import chunks, document_list, models

PAGES = Path(__file__).resolve().parents[2] / "shared/data/scale/docs_md.tar.gz"
ROUNDS = 3
# Files of a round: many seconds of embedding by either encoder, and fewer windows than get a graph.
TORCH_FILES, TWIN_FILES = 40, 210
# As many windows as an annual report has.
EDITED_FILES = 130
# Small files of a window or two each, and how many of them make a large one.
SMALL_FILES, JOINED = 10_000, 500
SMALL_CHARS = 700
MOST_OVER_LARGE = 1.2
# Batch size of SentenceTransformer.encode.
AT_ONCE = 32

Encode = Callable[[Sequence[str]], object]


def rows() -> list[dict[str, Any]]:
    """Ratios for both encoders. No rows without the pages."""
    if not PAGES.is_file():
        return []
    files = some_pages(ROUNDS * (TORCH_FILES + TWIN_FILES))
    by_torch, by_twin = files[: ROUNDS * TORCH_FILES], files[ROUNDS * TORCH_FILES :]
    with scratch() as services:
        handle = services.replica.current()
        with services.pool.connection() as conn:
            model = models.get(conn, handle.model_id)
        assert model is not None
        plain = SentenceTransformer(str(loading.model_folder(model)), device="cpu")
        torch = _measure(services, _rounds(by_torch), [lambda texts: plain.encode(list(texts))])
        # The last round's: the others are gone.
        encoder = accelerate(services, _windows(services))
        assert model.manifest_sha256 is not None
        graph = cpu_twin.folder_for(services.options.cache, model.manifest_sha256)
        twin = _measure(
            services, _rounds(by_twin), [openvino_as_it_comes(graph), encoder.encode_documents]
        )
        edited, whole, windows = _edited(services, by_twin[:EDITED_FILES])
        small = small_over_large(services, SMALL_FILES)
    return [
        _row("ingest over bare SentenceTransformer.encode", torch, 0),
        _row("ingest over bare encode by OpenVINO as it comes", twin, 0),
        _row("ingest over the twin's own encode", twin, 1),
        {
            "name": "ingest of a file with one new sentence over ingest of the whole, accelerated",
            "value": round(edited / whole, 3),
            "unit": "x",
            "goal": None,
            "better": "lower",
            "how": f"{EDITED_FILES} pages as one Markdown file, {windows} windows:"
            f" {edited:.1f} against {whole:.1f} s",
        },
        small,
    ]


def openvino_as_it_comes(folder: Path) -> Encode:
    """
    Encode like `SentenceTransformer.encode`, with a twin's graph in place of torch.

    It sorts by length, pads batches of 32, and runs them one after the other with OpenVINO's
    defaults.
    """
    from tokenizers import Tokenizer

    compiled = openvino().Core().compile_model(str(folder / "document.xml"), "CPU")
    request = compiled.create_infer_request()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(json.loads((folder / "config.json").read_text())["max_tokens"])
    tokenizer.enable_padding()

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        order = np.argsort([-len(text) for text in texts])
        rows: list[NDArray[np.float32]] = []
        for start in range(0, len(order), AT_ONCE):
            batch = tokenizer.encode_batch([texts[i] for i in order[start : start + AT_ONCE]])
            ids, mask = [e.ids for e in batch], [e.attention_mask for e in batch]
            rows.append(request.infer([np.array(ids), np.array(mask)])[0].copy())
        found: NDArray[np.float32] = np.concatenate(rows)[np.argsort(order)]
        return found

    return encode


def _rounds(files: list[Incoming]) -> list[list[Incoming]]:
    size = len(files) // ROUNDS
    return [files[n : n + size] for n in range(0, len(files), size)]


def some_pages(count: int) -> list[Incoming]:
    """Pages of similar size, without the shortest and longest."""
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


@dataclass(frozen=True)
class _Measured:
    """Medians of windows per second, and their ratios to those of each encoder alone."""

    ratios: list[float]
    rate: float
    windows: int


def _measure(
    services: Services, rounds: Sequence[Sequence[Incoming]], encoders: Sequence[Encode]
) -> _Measured:
    ratios: list[list[float]] = [[] for _ in encoders]
    rates, windows = [], 0
    for encode in encoders:
        encode(["warm", "up"])
    with open_ingester(services) as ingester:
        # The reader process starts with the first file.
        _ingest(replace(ingester, on_bulk=None), rounds[0][:1])
        for files in rounds:
            _empty(services)
            whole, count = _ingest(replace(ingester, on_bulk=None), files)
            texts = _windows(services, [file.source for file in files])
            assert len(texts) == count, (len(texts), count)
            for encode, found in zip(encoders, ratios, strict=True):
                started = time.perf_counter()
                encode(texts)
                found.append((time.perf_counter() - started) / whole)
            rates.append(count / whole)
            windows += count
    return _Measured(
        [statistics.median(found) for found in ratios], statistics.median(rates), windows
    )


def _edited(services: Services, pages: Sequence[Incoming]) -> tuple[float, float, int]:
    """
    Seconds for a long file with one new sentence in its middle, and for the whole file, and its
    windows.
    """
    texts = [page.load().decode() for page in pages]

    def file(parts: list[str]) -> list[Incoming]:
        return [Incoming("long.md", "long.md", "\n\n".join(parts).encode)]

    half = len(texts) // 2
    with open_ingester(services) as ingester:
        ingester = replace(ingester, on_bulk=None)
        _ingest(ingester, pages[:1])
        whole, windows = _ingest(ingester, file(texts))
        edited, _ = _ingest(ingester, file([*texts[:half], "A new sentence.", *texts[half:]]))
    return edited, whole, windows


def small_over_large(services: Services, count: int) -> dict[str, Any]:
    """Seconds per window of many small files over those of the same texts in large ones."""
    texts = list(itertools.islice(_paragraphs(), count))
    parts = [texts[n : n + JOINED] for n in range(0, len(texts), JOINED)]
    seconds: dict[str, float] = {}
    windows: dict[str, int] = {}
    with open_ingester(services) as ingester:
        ingester = replace(ingester, on_bulk=None)
        _ingest(ingester, _files("first", ["A first file."]))
        for name, files in (
            ("large", ["\n\n".join(part) for part in parts]),
            ("small", texts),
        ):
            _empty(services)
            seconds[name], windows[name] = _ingest(ingester, _files(name, files))
    each = {name: 1000 * seconds[name] / windows[name] for name in seconds}
    return {
        "name": f"{len(texts):,} small files over the same texts in {len(parts)} large ones, per window",
        "value": round(each["small"] / each["large"], 3),
        "unit": "x",
        "goal": MOST_OVER_LARGE,
        "better": "lower",
        "how": f"{windows['small']} windows at {each['small']:.1f} ms against {windows['large']}"
        f" at {each['large']:.1f} ms, accelerated",
    }


def _paragraphs() -> Iterator[str]:
    """Texts of about the same size, each under a heading of its own, from pages of documentation."""
    for number, page in enumerate(some_pages(SMALL_FILES)):
        text = page.load().decode("utf-8", "replace")
        for start in range(0, len(text) - SMALL_CHARS, SMALL_CHARS):
            body = " ".join(text[start : start + SMALL_CHARS].replace("`", "").split())
            yield f"# Note {number}.{start}\n\n{body}"


def _files(name: str, texts: Sequence[str]) -> list[Incoming]:
    names = [f"{name}/{number}.md" for number in range(len(texts))]
    return [
        Incoming(one, one, partial(bytes, text.encode()))
        for one, text in zip(names, texts, strict=True)
    ]


def _ingest(ingester: Ingester, files: Sequence[Incoming]) -> tuple[float, int]:
    """Ingest files and return the seconds and the number of windows."""
    started = time.perf_counter()
    count = sum(outcome.windows for outcome in ingester.ingest_many(files))
    return time.perf_counter() - started, count


def _empty(services: Services) -> None:
    with services.pool.connection() as conn:
        for listed in document_list.list_all(conn):
            chunks.delete_document(conn, listed.document.id)


def _windows(services: Services, sources: Sequence[str] | None = None) -> list[str]:
    """Texts of the windows of these files, or of all files."""
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


def _row(name: str, measured: _Measured, which: int) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(measured.ratios[which], 3),
        "unit": "x",
        "goal": 0.95,
        "better": "higher",
        "how": f"median of {ROUNDS} rounds of Markdown files in turn, {measured.windows} windows;"
        f" {measured.rate:.0f} windows/s ingested",
    }


def main() -> None:
    """Compare so many small files with large ones."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SMALL_FILES
    with scratch() as services:
        with open_ingester(services) as ingester:
            _ingest(replace(ingester, on_bulk=None), some_pages(50))
        accelerate(services, _windows(services))
        print(small_over_large(services, count))


if __name__ == "__main__":
    main()
