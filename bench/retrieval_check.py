"""
How well the untuned retriever finds the passage of a question: `python -m bench.retrieval_check SET`

SET is a question set in the seed's JSON. Each corpus text is one chunk; windows, tables and search
are the app's own, on an empty database. BM25 alone and vectors alone stand beside the hybrid.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import ir_measures
from ir_measures import RR, Success, nDCG

from app.services import Services
from bench.scratch import scratch
from pipelines.search.hybrid import Mode, hybrid
from training.evaluation.corpus import load_corpus
from training.pairs.seedfile import SeedFile, read

VALIDATION = Path(__file__).resolve().parents[2] / "shared/data/qa/finance_10k/val.json"
MEASURES = {
    "hit@1": Success @ 1, "hit@3": Success @ 3, "hit@5": Success @ 5, "hit@10": Success @ 10,
    "MRR@10": RR @ 10, "NDCG@10": nDCG @ 10,
}  # fmt: skip
MODES: tuple[Mode, ...] = ("lexical", "dense", "hybrid")
# hit@5 of the tutorial that this project started from, on its validation set.
PUBLISHED = {"text-embedding-ada-002": 0.871, "bge-small-en": 0.787, "bge-small-en tuned": 0.844}


def check(services: Services, questions: SeedFile) -> dict[str, dict[str, float]]:
    """Figures by mode, over all questions."""
    handle = services.replica.current()
    with services.pool.connection() as conn:
        chunks = load_corpus(conn, handle, questions.corpus)
    names = {chunk: name for name, chunk in chunks.items()}
    vectors = handle.encoder.encode_queries(list(questions.queries.values()))
    relevant = [
        ir_measures.Qrel(query, passage, 1)
        for query, passages in questions.relevant_docs.items()
        for passage in passages
    ]
    figures = {}
    for mode in MODES:
        ranked = []
        with services.pool.connection() as conn:
            for (query, text), vector in zip(questions.queries.items(), vectors, strict=True):
                hits = hybrid(conn, handle, text, vector, 10, mode=mode)
                ranked += [
                    ir_measures.ScoredDoc(query, names[hit.chunk_id], -rank)
                    for rank, hit in enumerate(hits)
                ]
        measured = ir_measures.calc_aggregate(list(MEASURES.values()), relevant, ranked)
        figures[mode] = {name: round(measured[m], 4) for name, m in MEASURES.items()}
    return figures


def rows() -> list[dict[str, Any]]:
    """The goals of the hybrid search on the seed's validation set. No rows without the set."""
    if not VALIDATION.is_file():
        return []
    with scratch() as services:
        hybrid_figures = check(services, read(VALIDATION))["hybrid"]
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
    questions = read(arguments.set)
    started = time.perf_counter()
    with scratch() as services:
        figures: dict[str, Any] = check(services, questions)
    if arguments.json:
        print(json.dumps({"questions": len(questions.queries), "figures": figures}))
        return
    print(f"{len(questions.queries)} questions, {len(questions.corpus)} passages,"
          f" {time.perf_counter() - started:.0f} s\n")  # fmt: skip
    print("| untuned | " + " | ".join(MEASURES) + " |")
    print("|---|" + "---|" * len(MEASURES))
    for mode, row in figures.items():
        print(f"| {mode} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |")
    shown = ", ".join(f"{name} {value}" for name, value in PUBLISHED.items())
    print(f"\nPublished hit@5 on finance_10k/val: {shown}.")


if __name__ == "__main__":
    main()
