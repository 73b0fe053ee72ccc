"""
Proof that an index may serve: looks at what is stored and asks it, instead of trusting the build.

A check that finds nothing to check passes; one that fails says what was expected and found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipelines.search import hybrid
from pipelines.search.handle import SearchHandle
from pipelines.store import gaps, graphs, indexes, probes
from pipelines.store.db import Connection
from pipelines.text.scoring import late

REEMBEDDED = 32
# Halfvec rounding and batching cost less than .001; int8 twins about .005.
LEAST_COSINE = 0.98
# Of a window's token codes. What rounding moves falls to the next of four codes: an int8 twin agrees
# with torch in 90% and more, with another text's codes a third is alike by chance.
LEAST_ALIKE = 0.75
SELF_RETRIEVED = 200
# HNSW is approximate: among a hundred thousand it finds more than 99% of the nearest.
LEAST_SELF_RETRIEVAL = 0.98
CANARIES = 8
CANARY_WORDS = 12


@dataclass(frozen=True)
class ProofCheck:
    """One thing looked at."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Proof:
    """What was looked at before an index may serve."""

    checks: list[ProofCheck]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it."""
        return all(check.passed for check in self.checks)

    def failures(self) -> str:
        """What failed, in a line."""
        return "; ".join(f"{c.name}: {c.detail}" for c in self.checks if not c.passed)

    def as_json(self) -> dict[str, Any]:
        """The form it is stored in."""
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}


def prove(
    conn: Connection,
    handle: SearchHandle,
    canaries: Sequence[str] = (),
    catch_up: Callable[[], object] = lambda: None,
) -> Proof:
    """
    Examine an index on the corpus as it is now, and store what was found.

    :param canaries: Questions whose answers are known to be in the documents; more are made
        from the documents themselves.
    :param catch_up: Adds what came in meanwhile, on another connection.
    """
    proof = Proof(
        [
            _parity(conn, handle, catch_up),
            _graph(conn, handle),
            _reembedded(conn, handle),
            _self_retrieval(conn, handle),
            _canaries(conn, handle, canaries),
        ]
    )
    indexes.store_proof(conn, handle.index_id, proof.as_json())
    return proof


def _parity(conn: Connection, handle: SearchHandle, catch_up: Callable[[], object]) -> ProofCheck:
    documents = gaps.coverage(conn, handle.vectors_id, handle.rule_id)
    bad = [d for d in documents if not d.complete]
    if bad:
        # Just come in, or at fault? Others may come in now; these must be complete then.
        catch_up()
        suspects = {d.document_id for d in bad}
        documents = gaps.coverage(conn, handle.vectors_id, handle.rule_id)
        bad = [d for d in documents if not d.complete and d.document_id in suspects]
    if bad:
        first = bad[0]
        detail = (
            f"{len(bad)} of {len(documents)} documents are incomplete, the first is {first.title!r}"
            f" with {first.vectors} vectors for {first.windows} windows"
        )
    else:
        detail = f"{sum(d.vectors for d in documents)} vectors of {len(documents)} documents"
    return ProofCheck("every window has its vector", not bad, detail)


def _graph(conn: Connection, handle: SearchHandle) -> ProofCheck:
    name = "the HNSW index is valid"
    if graphs.hnsw_is_valid(conn, handle.vectors_id):
        return ProofCheck(name, True, "valid")
    lacking = graphs.lacks_graph(conn, handle.vectors_id)
    return ProofCheck(name, not lacking, "missing or incomplete" if lacking else "not needed yet")


def _reembedded(conn: Connection, handle: SearchHandle) -> ProofCheck:
    found = probes.sample(conn, handle.vectors_id, handle.rule_id, REEMBEDDED)
    name = "embedded again, the vectors are the same"
    if not found:
        return ProofCheck(name, True, "no windows yet")
    fresh = handle.embed([window.text for window in found])
    stored = np.stack([window.vector for window in found])
    stored = stored / np.linalg.norm(stored, axis=1, keepdims=True)
    least = float((fresh.vectors * stored).sum(axis=1).min())
    detail = f"least cosine of {len(found)} windows {least:.4f}"
    alike = 1.0
    if fresh.codes is not None:
        pairs = zip(fresh.codes, found, strict=True)
        alike = min(late.alike(code, window.codes or b"") for code, window in pairs)
        detail += f", least share of like codes {alike:.3f}"
    return ProofCheck(name, least >= LEAST_COSINE and alike >= LEAST_ALIKE, detail)


def _self_retrieval(conn: Connection, handle: SearchHandle) -> ProofCheck:
    found = probes.sample(conn, handle.vectors_id, handle.rule_id, SELF_RETRIEVED)
    name = "windows are found by their own vectors"
    if not found:
        return ProofCheck(name, True, "no windows yet")
    hits = len(found) - len(probes.not_found(conn, handle.vectors_id, found))
    share = hits / len(found)
    return ProofCheck(name, share >= LEAST_SELF_RETRIEVAL, f"{hits} of {len(found)} windows")


def _canaries(conn: Connection, handle: SearchHandle, given: Sequence[str]) -> ProofCheck:
    name = "questions find passages through the whole search"
    made = probes.passages(conn, CANARIES)
    questions = [*given, *(" ".join(text.split()[:CANARY_WORDS]) for _, text in made)]
    if not made:
        return ProofCheck(name, True, "no passages yet")
    empty, lost = [], []
    for n, question in enumerate(questions):
        vector, tokens = handle.read(question)
        hits = hybrid.hybrid(conn, handle, question, vector, 10, tokens=tokens)
        if not hits:
            empty.append(question)
        elif n >= len(given) and not any(
            hit.chunk_id == made[n - len(given)][0] or hit.text == made[n - len(given)][1]
            for hit in hits
        ):
            lost.append(question)
    # Random openings may be common words; a real fault loses most of them.
    passed = not empty and len(lost) <= len(made) // 2
    detail = (
        f"{len(questions)} questions, {len(empty)} without a hit, {len(lost)} lost their passage"
    )
    return ProofCheck(name, passed, detail)
