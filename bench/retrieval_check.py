"""
How well the untuned retriever finds the passage of a question: `python -m bench.retrieval_check SET`

SET is a question set in the seed's JSON. Each corpus text is one chunk, stemmed by its language;
windows, tables and search are the app's own, on an empty database. Plain BM25 (bm25s over stems),
the words of the search alone, vectors alone and the hybrid without late interaction are compared
with the hybrid.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.services import Services
from bench.scratch import scratch
from pipelines.search.hybrid import Mode, hybrid
from training.evaluation import metrics, rankings
from training.evaluation.corpus import load_dataset
from training.evaluation.dataset import Dataset, of_file
from training.evaluation.figures.statistics import compare, words
from training.evaluation.metrics import Ranked
from training.finetune.card import label
from training.pairs.clusters import clusters

VALIDATION = Path(__file__).resolve().parents[2] / "shared/data/qa/finance_10k/val.json"
MEASURES = ("hit@1", "hit@3", "hit@5", "hit@10", "mrr@10", "ndcg@10")
PLAIN, HYBRID = "hybrid without late interaction", "hybrid"
# What is searched by, and whether tokens are compared.
MODES: dict[str, tuple[Mode, bool]] = {
    "words": ("lexical", False),
    "vectors": ("dense", False),
    PLAIN: ("hybrid", False),
    HYBRID: ("hybrid", True),
}
COMPARED = ("mrr@10", "hit@5")
# hit@5 of the tutorial that this project started from, on its validation set.
PUBLISHED = {"text-embedding-ada-002": 0.871, "bge-small-en": 0.787, "bge-small-en tuned": 0.844}


@dataclass(frozen=True)
class Checked:
    """Each metric of each question, and the milliseconds of each search, by what was searched by."""

    values: dict[str, dict[str, list[float]]]
    times_ms: dict[str, list[float]]

    def figures(self, shown: str) -> dict[str, float]:
        """The means of the metrics."""
        return {
            label(name): round(statistics.mean(self.values[shown][name]), 4) for name in MEASURES
        }


def check(services: Services, questions: Dataset) -> Checked:
    """Search for all questions in all modes."""
    handle = services.replica.current()
    with services.pool.connection() as conn:
        names = load_dataset(conn, handle, questions)
    read = handle.read_all(list(questions.queries.values()))
    relevant = questions.relevant
    values = {"BM25": metrics.per_question(rankings.by_bm25(questions), relevant)}
    times: dict[str, list[float]] = {}
    for shown, (mode, late) in MODES.items():
        found, times[shown] = {}, []
        with services.pool.connection() as conn:
            for (query, text), (vector, tokens) in zip(
                questions.queries.items(), read, strict=True
            ):
                started = time.perf_counter()
                hits = hybrid(
                    conn, handle, text, vector, 10, tokens=tokens if late else None, mode=mode
                )
                times[shown].append(1000 * (time.perf_counter() - started))
                found[query] = [Ranked(names[hit.chunk_id], hit.score) for hit in hits]
        values[shown] = metrics.per_question(found, relevant)
    return Checked(values, times)


def differences(checked: Checked, questions: Dataset) -> list[str]:
    """What late interaction changes, with the 95% interval."""
    cluster = clusters([questions.relevant[query] for query in questions.relevant])
    lines = []
    for name in COMPARED:
        found = compare(checked.values[HYBRID][name], checked.values[PLAIN][name], cluster)
        lines.append(
            f"{label(name)} {found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f}),"
            f" {words(found)}"
        )
    return lines


def rows() -> list[dict[str, Any]]:
    """The goals of the hybrid search on the seed's validation set. No rows without the set."""
    if not VALIDATION.is_file():
        return []
    with scratch() as services:
        hybrid_figures = check(services, of_file(VALIDATION)).figures(HYBRID)
    return [
        {
            "name": f"untuned hybrid {name}, finance_10k/val",
            "value": hybrid_figures[name],
            "unit": "",
            "goal": goal,
            "better": "higher",
            "how": "each corpus text one chunk; the app's own windows, tables and search",
        }
        for name, goal in (("hit@5", 0.93), ("MRR@10", 0.80))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path, help="question set in the seed's JSON")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    questions = of_file(arguments.set)
    started = time.perf_counter()
    with scratch() as services:
        checked = check(services, questions)
    figures = {shown: checked.figures(shown) for shown in checked.values}
    changed = differences(checked, questions)
    if arguments.json:
        print(
            json.dumps({"questions": len(questions.queries), "figures": figures, "late": changed})
        )
        return
    print(f"{len(questions.queries)} questions, {len(questions.corpus)} passages,"
          f" {time.perf_counter() - started:.0f} s\n")  # fmt: skip
    print("| untuned | " + " | ".join(map(label, MEASURES)) + " |")
    print("|---|" + "---|" * len(MEASURES))
    for mode, row in figures.items():
        print(f"| {mode} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |")
    print("\nLate interaction: " + ". ".join(changed) + ".")
    for mode in (PLAIN, HYBRID):
        p50, p95 = np.quantile(checked.times_ms[mode], [0.5, 0.95])
        print(f"A question, {mode}, embedding excluded: p50 {p50:.1f} ms, p95 {p95:.1f} ms.")
    shown = ", ".join(f"{name} {value}" for name, value in PUBLISHED.items())
    print(f"\nPublished hit@5 on finance_10k/val: {shown}.")


if __name__ == "__main__":
    main()
