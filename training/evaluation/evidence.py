"""
The evidence of all comparisons of the same two versions, and the verdict by it.

The newest comparison decides. Where it proves nothing, earlier ones on other questions are counted
with it: each question once, by its newest comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.store import evaluations, pairs
from pipelines.store.db import Connection
from pipelines.store.evaluations import Evaluation, QuestionRow
from pipelines.store.ids import EvaluationId
from training.evaluation import gate
from training.evaluation.figures import statistics
from training.evaluation.figures.comparison import DECIDING, system_name
from training.evaluation.gate import Evidence, Verdict
from training.evaluation.metrics import fingerprint
from training.pairs.clusters import clusters

DEPTH = 10  # of the deciding measure, MRR@10
MOST_KEPT = 100
# Evaluations never change, and pages ask again and again.
_pooled: dict[tuple[str, str, tuple[EvaluationId, ...]], Evidence | None] = {}


def verdict(
    conn: Connection, candidate: str, serving: str, *, override: str | None = None
) -> Verdict:
    """
    Whether a version should serve, by all comparisons with the one that does.

    :param candidate: Identity of the version, and `serving` of the other one.
    :raises GateError: The reason to override is too short.
    """
    found = evaluations.comparisons(conn, candidate, serving)
    figures = found[0].figures if found else None
    if gate.decide(figures, candidate, serving).advice != "wait":
        return gate.decide(figures, candidate, serving, override=override)
    pooled = _pool_stored(conn, found, candidate, serving)
    return gate.decide(figures, candidate, serving, pooled=pooled, override=override)


def pool(
    found: Sequence[tuple[Evaluation, Sequence[QuestionRow]]], candidate: str, serving: str
) -> Evidence | None:
    """
    Compare two versions on the questions of several comparisons. Pure.

    :param found: Comparisons with their questions, newest first.
    :returns: None if the newest one asked all questions.
    """
    gains: dict[str, tuple[float, float]] = {}
    passages: list[list[str]] = []
    asked_in = set()
    for one, rows in found:
        names = {model["identity"]: model["name"] for model in one.figures["models"]}
        after, before = (system_name(names[i], DECIDING[0]) for i in (candidate, serving))
        # Passages of documents have one name everywhere, those of a file only within it.
        space = "" if one.dataset == pairs.CORPUS else one.dataset_sha256
        for row in rows:
            key = fingerprint(row.question)
            if key not in gains:
                gains[key] = _gain(row, after), _gain(row, before)
                passages.append([space + name for name in row.relevant])
                asked_in.add(one.id)
    if len(asked_in) < 2:
        return None
    new, old = zip(*gains.values(), strict=True)
    difference = statistics.compare(new, old, clusters(passages))
    return Evidence(len(gains), len(asked_in), difference)


def _gain(row: QuestionRow, system: str) -> float:
    """The reciprocal rank of the first right passage."""
    rank = row.results[system]["rank"]
    return 1 / rank if rank and rank <= DEPTH else 0.0


def _pool_stored(
    conn: Connection, found: Sequence[Evaluation], candidate: str, serving: str
) -> Evidence | None:
    if len({one.dataset_sha256 for one in found}) < 2:
        return None
    key = candidate, serving, tuple(one.id for one in found)
    if key not in _pooled:
        if len(_pooled) >= MOST_KEPT:
            _pooled.clear()
        rows = [(one, evaluations.questions_of(conn, one.id)) for one in found]
        _pooled[key] = pool(rows, candidate, serving)
    return _pooled[key]
