"""
Decides by a rule on figures whether a model may be promoted. It neither measures nor promotes.

The rule requires an evaluation against the serving version on held-out questions whose interval
does not lie below zero. Where the newest one proves nothing, several are counted together. A person
may override it with a reason, which is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipelines.errors import GateError
from training.evaluation.figures.comparison import DECIDING, system_name
from training.evaluation.figures.statistics import Difference, words

# With fewer questions an interval means nothing.
FEWEST_QUESTIONS = 20
SHORTEST_REASON = 10
# Tuning moves few of the passages that are not first yet (docs/results.md): where fewer questions
# than these could gain, no interval leaves zero.
FEWEST_TO_GAIN = 20

# What to do with a version: promote it, wait for more questions, leave it (it is worse), compare it
# first, or nothing, because it serves.
Advice = Literal["promote", "wait", "leave", "compare", "serves"]


@dataclass(frozen=True)
class Verdict:
    """
    Whether a model may be promoted, and what is advised.

    :param reason: The reason with its figures, as stored in the audit.
    :param sentence: The advice in one sentence without the version's name. Every page and command
        shows this one.
    :param overridden: A person has overridden the rule.
    """

    allowed: bool
    reason: str
    advice: Advice
    sentence: str
    overridden: bool = False

    @property
    def better(self) -> bool:
        """Whether it is proved better, not merely not worse."""
        return self.advice == "promote"


@dataclass(frozen=True)
class Evidence:
    """The difference of two versions in MRR@10 on the questions of several comparisons."""

    questions: int
    comparisons: int
    difference: Difference


def decide(
    figures: Mapping[str, Any] | None,
    candidate: str,
    serving: str,
    *,
    pooled: Evidence | None = None,
    override: str | None = None,
) -> Verdict:
    """
    Decide whether a model may be promoted.

    :param figures: Figures of the newest evaluation that compares the two
        (`evaluations.latest_of(conn, candidate, serving)`), or None without one.
    :param candidate: Identity of the model: its manifest's sha256, or ``openai:NAME``.
    :param serving: Identity of the serving model.
    :param pooled: What several comparisons say together. It counts if the newest proves nothing.
    :param override: Reason to promote in spite of a refusal.
    :raises GateError: The reason for overriding is too short to be understood later.
    """
    verdict = _examine(figures, candidate, serving)
    if verdict.advice == "wait" and pooled is not None and pooled.questions >= FEWEST_QUESTIONS:
        verdict = _of_pooled(pooled)
    why = (override or "").strip()
    if not why or verdict.advice in ("promote", "serves"):
        return verdict
    if len(why) < SHORTEST_REASON:
        raise GateError("Overriding needs a reason that others understand later.")
    return replace(
        verdict, allowed=True, reason=f"{verdict.reason} Overridden: {why}", overridden=True
    )


def before_evaluation(count: int, *, gained: bool) -> str:
    """
    What a run's own questions say, as an evaluation would put it. Empty if they show a gain.

    :param count: How many there are.
    """
    if count < FEWEST_QUESTIONS:
        return _too_few(count)
    return "" if gained else f"Not proved better: no gain on {count:,} validation questions."


def _too_few(count: int) -> str:
    return f"Not proved better: {count} questions, at least {FEWEST_QUESTIONS} are needed."


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
            _too_few(count),
        )
    return _of_outcome(figures, names[candidate], count)


def _of_outcome(figures: Mapping[str, Any], name: str, count: int) -> Verdict:
    """The verdict by the comparison's outcome for this version."""
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


def _of_pooled(pooled: Evidence) -> Verdict:
    """The verdict by several comparisons together."""
    found = pooled.difference
    asked = f"{pooled.questions:,} questions of {pooled.comparisons} comparisons together"
    reason = (
        f"On {asked}: {words(found)} (MRR@10 {found.mean:+.3f},"
        f" 95% interval {found.low:+.3f} to {found.high:+.3f})."
    )
    if found.outcome == "worse":
        said = f"Worse on {asked}: do not promote."
        return Verdict(False, f"It is worse. {reason}", "leave", said)
    if found.outcome == "better":
        return Verdict(True, reason, "promote", f"Ready to serve: better on {asked}.")
    more = found.more_questions
    left = f"about {more:,} more are needed" if more else "about as good"
    return Verdict(True, reason, "wait", f"Not proved better on {asked}: {left}.")


def _more_questions(figures: Mapping[str, Any], name: str) -> int | None:
    """
    How many more questions would show a difference of the observed size, or None if it is too
    small.
    """
    mode, measure = DECIDING
    pair = (system_name(name, mode), system_name(figures["models"][0]["name"], mode), measure)
    found = (
        row["difference"]["more_questions"]
        for row in figures["comparisons"]
        if (row["candidate"], row["reference"], row["measure"]) == pair
    )
    return next(found, None)
