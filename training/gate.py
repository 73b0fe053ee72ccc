"""
May a model be promoted? A rule over figures; it neither measures nor promotes.

It asks for an evaluation against what serves, on questions that were held out, whose interval
does not lie below zero. A person may override it, with a reason that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import GateError

# With fewer questions an interval means nothing.
FEWEST_QUESTIONS = 20
SHORTEST_REASON = 10


@dataclass(frozen=True)
class Verdict:
    """
    Whether a promotion may go ahead, and why; `overridden` when a person decided so. `better`: it
    is not merely no worse.
    """

    allowed: bool
    reason: str
    overridden: bool = False
    better: bool = False


def decide(
    figures: Mapping[str, Any] | None,
    candidate: str,
    serving: str,
    *,
    override: str | None = None,
) -> Verdict:
    """
    The verdict on promoting a model.

    :param figures: Those of the newest evaluation that compares the two
        (`evaluations.latest_of(conn, candidate, serving)`); None: there is none.
    :param candidate: Identity of the model: its manifest's sha256, or ``openai:NAME``.
    :param serving: Identity of the model that serves.
    :param override: Why to promote in spite of a refusal; empty is no reason.
    :raises GateError: The override's reason is too short to tell anybody anything later.
    """
    refusal, finding, better = _examine(figures, candidate, serving)
    if refusal is None:
        return Verdict(True, finding, better=better)
    if not (override or "").strip():
        return Verdict(False, refusal)
    if len((override or "").strip()) < SHORTEST_REASON:
        raise GateError("Overriding needs a reason that others understand later.")
    return Verdict(True, f"{refusal} Overridden: {(override or '').strip()}", overridden=True)


def _examine(
    figures: Mapping[str, Any] | None, candidate: str, serving: str
) -> tuple[str | None, str, bool]:
    """Why not, or None; what speaks for it; and whether it is better."""
    if candidate == serving:
        return None, "The same model as the one that serves.", False
    if figures is None:
        return "It was not evaluated against the version that serves.", "", False
    names = {model["identity"]: model["name"] for model in figures["models"]}
    if figures["models"][0]["identity"] != serving or candidate not in names:
        return "The evaluation compares other models.", "", False
    questions = figures["dataset"]["questions"]
    if questions < FEWEST_QUESTIONS:
        return (
            f"It was evaluated on {questions} questions; at least {FEWEST_QUESTIONS} are needed.",
            "",
            False,
        )
    verdict = next(v for v in figures["verdicts"] if v["model"] == names[candidate])
    if verdict["outcome"] == "worse":
        return f"It is worse: {verdict['sentence']}", "", False
    return None, str(verdict["sentence"]), verdict["outcome"] == "better"
