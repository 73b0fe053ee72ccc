"""
How well the untuned retriever finds the passage of a question: `python -m bench.retrieval_check SET`

SET is a question set in the seed's JSON. Each corpus text is one chunk, stemmed by its language;
windows, tables and search are the app's own, on an empty database. Plain BM25 (bm25s over stems),
the words of the search alone and vectors alone are compared with the hybrid.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from app.services import Services
from bench.scratch import scratch
from pipelines.search.hybrid import Mode, hybrid
from training.evaluation import metrics, rankings
from training.evaluation.corpus import load_dataset
from training.evaluation.dataset import Dataset, of_file
from training.evaluation.metrics import Ranked
from training.evaluation.rankings import Rankings
from training.finetune.card import label

VALIDATION = Path(__file__).resolve().parents[2] / "shared/data/qa/finance_10k/val.json"
MEASURES = ("hit@1", "hit@3", "hit@5", "hit@10", "mrr@10", "ndcg@10")
MODES: dict[Mode, str] = {"lexical": "words", "dense": "vectors", "hybrid": "hybrid"}
# hit@5 of the tutorial that this project started from, on its validation set.
PUBLISHED = {"text-embedding-ada-002": 0.871, "bge-small-en": 0.787, "bge-small-en tuned": 0.844}


def check(services: Services, questions: Dataset) -> dict[str, dict[str, float]]:
    """Figures by mode, over all questions."""
    handle = services.replica.current()
    with services.pool.connection() as conn:
        names = load_dataset(conn, handle, questions)
    vectors = handle.encoder.encode_queries(list(questions.queries.values()))
    figures = {"BM25": _figures(questions, rankings.by_bm25(questions))}
    for mode, shown in MODES.items():
        found = {}
        with services.pool.connection() as conn:
            for (query, text), vector in zip(questions.queries.items(), vectors, strict=True):
                hits = hybrid(conn, handle, text, vector, 10, mode=mode)
                found[query] = [Ranked(names[hit.chunk_id], hit.score) for hit in hits]
        figures[shown] = _figures(questions, found)
    return figures


def _figures(questions: Dataset, found: Rankings) -> dict[str, float]:
    values = metrics.per_question(found, questions.relevant)
    return {label(name): round(statistics.mean(values[name]), 4) for name in MEASURES}


def rows() -> list[dict[str, Any]]:
    """The goals of the hybrid search on the seed's validation set. No rows without the set."""
    if not VALIDATION.is_file():
        return []
    with scratch() as services:
        hybrid_figures = check(services, of_file(VALIDATION))["hybrid"]
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
        figures: dict[str, Any] = check(services, questions)
    if arguments.json:
        print(json.dumps({"questions": len(questions.queries), "figures": figures}))
        return
    print(f"{len(questions.queries)} questions, {len(questions.corpus)} passages,"
          f" {time.perf_counter() - started:.0f} s\n")  # fmt: skip
    print("| untuned | " + " | ".join(map(label, MEASURES)) + " |")
    print("|---|" + "---|" * len(MEASURES))
    for mode, row in figures.items():
        print(f"| {mode} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |")
    shown = ", ".join(f"{name} {value}" for name, value in PUBLISHED.items())
    print(f"\nPublished hit@5 on finance_10k/val: {shown}.")


if __name__ == "__main__":
    main()
