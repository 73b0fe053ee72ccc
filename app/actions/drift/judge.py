"""Whether questions have changed since the search was tuned: the last week beside those before. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.store.question_weeks import QuestionWeek

# The weeks before that the last one is compared with.
BEFORE = 4
# Fewer questions or votes say nothing.
FEWEST_QUESTIONS, FEWEST_VOTES = 30, 20
# A rise counts if chance seldom makes one so large, and people would notice it.
STANDARD_ERRORS, LEAST_RISE = 2.5, 0.05
# New questions may be this much further from the training questions than held-out ones.
FURTHER, LEAST_FURTHER = 1.25, 0.05
# A shadow that agreed before and does not now.
LEAST_DISAGREED = 0.15


@dataclass(frozen=True)
class Share:
    """A share of a number."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share, 0 of nothing."""
        return self.part / self.whole if self.whole else 0.0


def changes(weeks: Sequence[QuestionWeek]) -> list[str]:
    """
    What has become worse in the last week, as sentences. Empty if nothing has, or too little is known.

    :param weeks: Newest first.
    """
    if not weeks:
        return []
    last, before = weeks[0], weeks[1 : 1 + BEFORE]
    found = [
        _rise(
            "of the questions found nothing",
            Share(last.not_found, last.questions),
            Share(sum(w.not_found for w in before), sum(w.questions for w in before)),
            FEWEST_QUESTIONS,
        ),
        _rise(
            "of the votes were dislikes",
            Share(last.disliked, last.liked + last.disliked),
            Share(sum(w.disliked for w in before), sum(w.liked + w.disliked for w in before)),
            FEWEST_VOTES,
        ),
        _further(last, before),
        _disagreed(last, before),
    ]
    return [sentence for sentence in found if sentence]


def _rise(what: str, now: Share, then: Share, fewest: int) -> str:
    """A sentence about a share that has risen, by a test of two proportions."""
    if min(now.whole, then.whole) < fewest or now.value - then.value < LEAST_RISE:
        return ""
    pooled = (now.part + then.part) / (now.whole + then.whole)
    error = math.sqrt(pooled * (1 - pooled) * (1 / now.whole + 1 / then.whole))
    if now.value - then.value < STANDARD_ERRORS * error:
        return ""
    return f"Last week {now.value:.0%} {what}, before {then.value:.0%}."


def _further(last: QuestionWeek, before: Sequence[QuestionWeek]) -> str:
    """
    A sentence about questions that are further away than held-out ones, and than people's before.

    People put things in other words than the questions that were made. That alone is no change.
    """
    then = [week.distance for week in before if week.distance is not None]
    if last.distance is None or last.expected is None or not then:
        return ""
    mean = sum(then) / len(then)
    limit = max(last.expected * FURTHER, last.expected + LEAST_FURTHER, mean + LEAST_FURTHER)
    if last.questions < FEWEST_QUESTIONS or last.distance <= limit:
        return ""
    return (
        "People ask about other things than in the weeks before, and than the search was tuned on."
    )


def _disagreed(last: QuestionWeek, before: Sequence[QuestionWeek]) -> str:
    then = [week.agreed for week in before if week.agreed is not None]
    if last.agreed is None or not then or last.questions < FEWEST_QUESTIONS:
        return ""
    mean = sum(then) / len(then)
    if mean - last.agreed < LEAST_DISAGREED:
        return ""
    return f"The shadow found {last.agreed:.0%} of the same passages last week, before {mean:.0%}."
