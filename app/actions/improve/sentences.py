"""The sentences that say what came of an improvement."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from pipelines.store import evaluations
from pipelines.store.db import Connection
from pipelines.store.evaluations import Evaluation
from pipelines.store.ids import EvaluationId
from training.evaluation.figures.comparison import system_name

STOPPED = "It was stopped and not continued."
# Passages that yield enough held-out questions, as a rule.
NEEDED = 60


@dataclass(frozen=True)
class Figures:
    """
    How two versions find the passages of held-out questions, as users search.

    :param before: Share of questions whose passage was among the old version's first five.
    :param after: The same of the new version.
    :param higher: Questions whose passage the new version ranks higher.
    :param lower: Questions whose passage it ranks lower.
    """

    questions: int
    outcome: str
    before: float
    after: float
    higher: int
    lower: int


def figures(conn: Connection, evaluation_id: EvaluationId | None, version: str) -> Figures | None:
    """What a comparison found for a version, or None if there is none."""
    found = None if evaluation_id is None else evaluations.get(conn, evaluation_id)
    if found is None:
        return None
    verdict = next((v for v in found.figures["verdicts"] if v["model"] == version), None)
    if verdict is None or "systems" not in found.figures:
        return None
    names = [system_name(name, "hybrid") for name in (verdict["reference"], version)]
    before, after = (_hit(found, name) for name in names)
    ranks = [
        [_rank(row.results, name) for name in names]
        for row in evaluations.questions_of(conn, found.id)
    ]
    return Figures(
        found.figures["dataset"]["questions"],
        verdict["outcome"],
        before,
        after,
        sum(new < old for old, new in ranks),
        sum(new > old for old, new in ranks),
    )


def promoted(version: str, found: Figures | None) -> str:
    """It serves now."""
    if found is None:
        return f"Promoted {version}: it is better on the held-out questions."
    before, after = (round(100 * share) for share in (found.before, found.after))
    if after > before:
        return (
            f"Promoted {version}: it finds the right passage among the first five for {after} of"
            f" 100 questions ({before} before)."
        )
    return (
        f"Promoted {version}: it ranks the right passage higher for {found.higher:,} of"
        f" {found.questions:,} questions, and lower for {found.lower:,}."
    )


def kept(serving: str, version: str, found: Figures | None) -> str:
    """The version that served goes on serving."""
    if found is None:
        return f"Kept {serving}: {version} is not better."
    asked = f"{found.questions:,} questions"
    if found.outcome == "worse":
        return f"Kept {serving}: {version} is worse on {asked}."
    before, after = (round(100 * share) for share in (found.before, found.after))
    return (
        f"Kept {serving}: no improvement was shown on {asked}. The right passage is among the first"
        f" five for {before} of 100 with {serving}, and for {after} with {version}."
    )


def enough(serving: str, first: int, asked: int) -> str:
    """
    The version that serves leaves too little to gain.

    :param first: Of the questions asked, those whose passage it puts first.
    """
    return (
        f"Kept {serving}: it already puts the right passage first for {first:,} of {asked:,}"
        " held-out questions, which leaves too little to gain, so nothing was trained. Questions"
        " that people asked or a language model wrote are harder: add them under Pairs."
    )


def lacking(passages: int, asked: int, fewest: int) -> str:
    """Too little is there."""
    if not passages:
        return (
            "Nothing to learn from yet: add documents of your own"
            f" (about {NEEDED} passages are needed)."
        )
    if not asked and passages >= NEEDED:
        return (
            f"Nothing to prove a gain by: no whole question could be made from {passages:,}"
            " passages. Without a language model they are made from English and German text. Set"
            " a language model up, or add questions of your own under Pairs."
        )
    needed = max(NEEDED, ceil(passages * fewest / asked) if asked else NEEDED)
    if needed <= passages:
        needed = 2 * passages
    return (
        f"Nothing to learn from yet: add documents ({passages:,} passages; about {needed:,} are"
        " needed)."
    )


def nothing_new(version: str) -> str:
    """What serves has learned all there is."""
    return (
        f"Nothing new to learn from: {version} serves, and has learned all pairs there are. Add"
        " documents, or mark in Questions which sources were right."
    )


def failed(reason: str) -> str:
    """A fault ended it."""
    return f"The search was not improved: {reason}"


def _hit(found: Evaluation, name: str) -> float:
    system = next(s for s in found.figures["systems"] if s["name"] == name)
    return float(system["figures"]["hit@5"])


def _rank(results: dict[str, dict[str, int | None]], name: str) -> float:
    rank = results.get(name, {}).get("rank")
    return float("inf") if rank is None else float(rank)
