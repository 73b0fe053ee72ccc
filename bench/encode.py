"""
Embedding on this CPU: the accelerated twin compared with `SentenceTransformer.encode` unchanged
(torch, fp32, all cores) on windows of documentation pages, in turn, and with torch as Attune runs
it.

The twin is built as on loading, from windows of other pages.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from bench import ingest
from pipelines.embedder import build_twin, cpu_twin, model_files
from pipelines.embedder.local import LocalEncoder
from pipelines.text.windows import cut

ROUNDS = 5
WINDOWS, FOR_THE_TWIN, QUESTIONS = 640, 600, 100
SIZE, STRIDE = 128, 96


def rows() -> list[dict[str, Any]]:
    """
    Ratios to torch. No rows without the pages.

    :raises RuntimeError: The twin could not be built.
    """
    if not ingest.PAGES.is_file():
        return []
    folder = model_files.bundled_model()
    torch = SentenceTransformer(str(folder), device="cpu")
    own = LocalEncoder(folder, device="cpu")
    windows = _windows(own, WINDOWS + FOR_THE_TWIN)
    texts, questions = windows[:WINDOWS], [text[:60] for text in windows[:QUESTIONS]]
    sha256 = model_files.Manifest.of(folder).sha256
    with tempfile.TemporaryDirectory(prefix="attune-") as cache:
        target = cpu_twin.folder_for(Path(cache), sha256)
        verdict = build_twin.build_in_child(folder, target, windows[WINDOWS:])
        twin = cpu_twin.load(Path(cache), sha256)
        assert verdict is not None
        if twin is None:
            raise RuntimeError(f"no twin: {verdict.reason}")
        plain: Callable[[Sequence[str]], Any] = lambda some: torch.encode(list(some))  # noqa: E731
        bulk = _seconds([plain, twin.encode_documents, own.encode_documents], [texts], ROUNDS)
        one = _seconds([plain, twin.encode_queries], [[text] for text in questions], 3)
    rates = [len(texts) / seconds for seconds in bulk]
    told = f"{WINDOWS} windows of {SIZE} tokens, median of {ROUNDS} rounds in turn"
    said = f"{QUESTIONS} questions of 60 characters, medians, in turn"
    return [
        _row("twin, windows/s against torch", rates[1] / rates[0], "x", 3.0, "higher",
             f"{told}: {rates[1]:.0f} against {rates[0]:.0f}"),
        _row("twin, one question's time against torch's", one[1] / one[0], "x", 0.333, "lower",
             f"{said}: {1e3 * one[1]:.1f} against {1e3 * one[0]:.1f} ms"),
        _row("twin, hit@5 lost", verdict.hit5_torch - verdict.hit5_twin, "", 0.005, "lower",
             verdict.reason),
        _row("torch in streams, windows/s against torch as it comes", rates[2] / rates[0], "x",
             None, "higher", f"{told}: {rates[2]:.0f} against {rates[0]:.0f}"),
    ]  # fmt: skip


def _seconds(
    encoders: Sequence[Callable[[Sequence[str]], Any]], calls: Sequence[Sequence[str]], rounds: int
) -> list[float]:
    """
    The median time of a call by each encoder, all calls of one encoder first, then of the next, in
    turn.

    Single calls do not alternate, because threads that torch leaves spinning would slow the other
    one.
    """
    taken: list[list[float]] = [[] for _ in encoders]
    for _ in range(rounds):
        for encode, kept in zip(encoders, taken, strict=True):
            encode(calls[0][:1])
            for texts in calls:
                started = time.perf_counter()
                encode(texts)
                kept.append(time.perf_counter() - started)
    return [statistics.median(kept) for kept in taken]


def _windows(counter: LocalEncoder, count: int) -> list[str]:
    found: list[str] = []
    for page in ingest.some_pages(count):
        text = page.load().decode()
        (offsets,) = counter.token_offsets([text])
        found += [text[start:end] for start, end in cut(offsets, SIZE, STRIDE)]
        if len(found) >= count:
            break
    return found[:count]


def _row(
    name: str, value: float, unit: str, goal: float | None, better: str, how: str
) -> dict[str, Any]:
    return {
        "name": f"encode: {name}", "value": round(value, 3), "unit": unit, "goal": goal,
        "better": better, "how": how,
    }  # fmt: skip
