"""
May a model be promoted? A rule over figures; it neither measures nor promotes.

It asks for an evaluation against what serves, on questions that were held out, whose interval
does not lie below zero. A person may override it, with a reason that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipelines.errors import GateError
from training.evaluation.figures.comparison import DECIDING, system_name

# With fewer questions an interval means nothing.
FEWEST_QUESTIONS = 20
SHORTEST_REASON = 10

# What to do with a version: promote it, wait for more questions, leave it (it is worse), compare it
# first, or nothing, because it serves.
Advice = Literal["promote", "wait", "leave", "compare", "serves"]


@dataclass(frozen=True)
class Verdict:
    """
    Whether a promotion may go ahead, and what is advised.

    :param reason: Why, with the figures. It is what the audit keeps.
    :param sentence: The advice for a person, in one sentence that names no version. Every page and
        command shows this one.
    :param overridden: A person decided otherwise.
    """

    allowed: bool
    reason: str
    advice: Advice
    sentence: str
    overridden: bool = False

    @property
    def better(self) -> bool:
        """Whether it is proved better, not merely no worse."""
        return self.advice == "promote"


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
    found = _examine(figures, candidate, serving)
    why = (override or "").strip()
    if not why or found.advice in ("promote", "serves"):
        return found
    if len(why) < SHORTEST_REASON:
        raise GateError("Overriding needs a reason that others understand later.")
    return replace(found, allowed=True, reason=f"{found.reason} Overridden: {why}", overridden=True)


def _examine(figures: Mapping[str, Any] | None, candidate: str, serving: str) -> Verdict:
    """The verdict by the figures alone."""
    if candidate == serving:
        same = "The same model as the one that serves."
        return Verdict(True, same, "serves", same)
    if figures is None:
        return Verdict(
            False,
            "It was not evaluated against the version that serves.",
            "compare",
            "Not compared with the serving version yet.",
        )
    names = {model["identity"]: model["name"] for model in figures["models"]}
    if figures["models"][0]["identity"] != serving or candidate not in names:
        return Verdict(
            False,
            "The evaluation compares other models.",
            "compare",
            "Not compared with the serving version: this comparison is of others.",
        )
    count = figures["dataset"]["questions"]
    if count < FEWEST_QUESTIONS:
        return Verdict(
            False,
            f"It was evaluated on {count} questions; at least {FEWEST_QUESTIONS} are needed.",
            "wait",
            f"Not proved better: {count} questions, at least {FEWEST_QUESTIONS} are needed.",
        )
    return _of_outcome(figures, names[candidate], count)


def _of_outcome(figures: Mapping[str, Any], name: str, count: int) -> Verdict:
    """The verdict by how the comparison ended for the version of this name."""
    found = next(v for v in figures["verdicts"] if v["model"] == name)
    reason = str(found["sentence"])
    if found["outcome"] == "worse":
        said = f"Worse on {count:,} questions: do not promote."
        return Verdict(False, f"It is worse: {reason}", "leave", said)
    if found["outcome"] == "better":
        return Verdict(True, reason, "promote", f"Ready to serve: better on {count:,} questions.")
    more = _more_questions(figures, name)
    said = (
        f"Not proved better: {count:,} questions, about {more:,} more are needed."
        if more
        else f"Not proved better: about as good on {count:,} questions."
    )
    return Verdict(True, reason, "wait", said)


def _more_questions(figures: Mapping[str, Any], name: str) -> int | None:
    """How many more questions would show a difference of the size seen; None: not worth it."""
    mode, measure = DECIDING
    pair = (system_name(name, mode), system_name(figures["models"][0]["name"], mode), measure)
    found = (
        row["difference"]["more_questions"]
        for row in figures["comparisons"]
        if (row["candidate"], row["reference"], row["measure"]) == pair
    )
    return next(found, None)
