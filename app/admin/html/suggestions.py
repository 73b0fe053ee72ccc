"""What to do next, judged by what there is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.admin.html.parts import Tone
from app.admin.html.words import count
from pipelines.text import languages

# Fewer new pairs than this are worth neither a run nor a sentence.
WORTH_A_RUN = 50
WORTH_A_VOTE = 10
# With fewer held-out questions nothing can be proved. The gate requires as many.
FEWEST_HELDOUT = 20
# A share of questions that found nothing is worth a sentence from so many on.
WORTH_A_GAP = 3
SLOW_MS = 300


@dataclass(frozen=True)
class Facts:
    """
    What suggestions depend on. Counts of questions are of the last seven days.

    :param fresh_pairs: Accepted pairs to train on that came after the last run.
    :param fresh_likes: Liked answers that no pair was made of.
    :param better: Versions that are proved better than the serving one.
    :param uncompared: The newest version if it was not compared with the serving one.
    :param backup_fault: Why the last scheduled backup failed. Empty: it did not.
    :param backup_late: Whether nobody has looked after scheduled backups for long.
    :param changes: What became worse in the last week, as sentences.
    :param evaluated: Whether the serving version was ever measured on held-out questions.
    """

    own_documents: int = 0
    failed_documents: int = 0
    unread_language: int = 0
    train_pairs: int = 0
    heldout_pairs: int = 0
    review_pairs: int = 0
    fresh_pairs: int = 0
    fresh_likes: int = 0
    not_found: int = 0
    disliked: int = 0
    failed_jobs: int = 0
    backup_fault: str = ""
    backup_late: bool = False
    ever_trained: bool = False
    evaluated: bool = False
    changes: tuple[str, ...] = ()
    busy_training: bool = False
    busy_comparing: bool = False
    retrieval_p95_ms: float | None = None
    better: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """What there is, what to do about it, and the tab for it (empty if there is none)."""

    fact: str
    advice: str
    screen: str
    tone: Tone = "quiet"


def suggest(facts: Facts) -> list[Suggestion]:
    """What to do next, the most urgent first."""
    order = {"bad": 0, "good": 1, "warn": 2}
    return sorted(_all(facts), key=lambda found: order.get(found.tone, 3))


def _all(facts: Facts) -> Iterator[Suggestion]:
    yield from _about_backups(facts)
    yield from _about_documents(facts)
    yield from _about_questions(facts)
    yield from _about_training(facts)
    for name in facts.better:
        yield Suggestion(
            f"{name} is better than the serving version, but not promoted.",
            "Promote it.",
            "versions",
            "good",
        )
    if not facts.busy_comparing and facts.heldout_pairs >= FEWEST_HELDOUT:
        for name in facts.uncompared:
            yield Suggestion(
                f"{name} was not compared yet.",
                "Compare it.",
                "compare",
                "good",
            )
    if facts.failed_jobs:
        yield Suggestion(
            f"{count(facts.failed_jobs, 'job')} failed in the last seven days.",
            "See why, and try again.",
            "jobs",
            "bad",
        )
    if facts.retrieval_p95_ms is not None and facts.retrieval_p95_ms > SLOW_MS:
        yield Suggestion(
            f"Finding passages takes {facts.retrieval_p95_ms:,.0f} ms for one question in twenty.",
            "See which jobs run.",
            "jobs",
            "warn",
        )


def _about_backups(facts: Facts) -> Iterator[Suggestion]:
    if facts.backup_fault:
        yield Suggestion(
            f"The last backup failed: {facts.backup_fault}", "The one before it stays.", "", "bad"
        )
    elif facts.backup_late:
        yield Suggestion(
            "There has been no scheduled backup for long.",
            "Start attune serve or attune worker where ATTUNE_BACKUP is set.",
            "",
            "bad",
        )


def _about_documents(facts: Facts) -> Iterator[Suggestion]:
    if not facts.own_documents:
        yield Suggestion(
            "There are no documents of your own yet.", "Add some.", "documents", "warn"
        )
    if facts.failed_documents:
        yield Suggestion(
            f"{count(facts.failed_documents, 'document')} could not be read.",
            "See the reasons.",
            "documents",
            "bad",
        )
    if facts.unread_language:
        yield Suggestion(
            f"{count(facts.unread_language, 'document')} in a language that the embedding model does"
            " not read well.",
            f"Restart Attune with ATTUNE_BASE_MODEL={languages.MULTILINGUAL}.",
            "",
            "warn",
        )


def _about_questions(facts: Facts) -> Iterator[Suggestion]:
    if facts.not_found >= WORTH_A_GAP:
        yield Suggestion(
            f"{count(facts.not_found, 'question')} found nothing this week.",
            "Read them and add the missing documents.",
            "questions",
            "warn",
        )
    if facts.disliked >= WORTH_A_GAP:
        yield Suggestion(
            f"{count(facts.disliked, 'answer')} {'was' if facts.disliked == 1 else 'were'}"
            " disliked this week.",
            "Mark which source was right.",
            "questions",
            "warn",
        )
    if facts.fresh_likes >= WORTH_A_VOTE:
        yield Suggestion(
            f"{count(facts.fresh_likes, 'new liked answer')}.",
            "Make pairs from them, then tune.",
            "pairs",
        )


def _about_training(facts: Facts) -> Iterator[Suggestion]:
    if facts.review_pairs:
        yield Suggestion(
            f"{count(facts.review_pairs, 'pair')} {'waits' if facts.review_pairs == 1 else 'wait'}"
            " for review.",
            "Review them.",
            "pairs",
        )
    if facts.own_documents and not facts.busy_training:
        for change in facts.changes:
            yield Suggestion(change, "Improve the search, above.", "", "warn")
    if facts.own_documents and not facts.train_pairs:
        yield Suggestion(
            "There are no training pairs yet.", "Make some from your documents.", "pairs"
        )
        return
    if facts.busy_training or not facts.train_pairs:
        return
    if facts.heldout_pairs < FEWEST_HELDOUT:
        yield Suggestion(
            f"There are only {count(facts.heldout_pairs, 'held-out pair')}, too few to prove a version"
            " better.",
            "Make more pairs.",
            "pairs",
        )
    elif not facts.ever_trained:
        yield Suggestion(
            f"There are {count(facts.train_pairs, 'training pair')}, and no version was tuned yet.",
            "Press Improve the search, or tune by hand.",
            "tune",
        )
    elif facts.fresh_pairs >= WORTH_A_RUN:
        yield Suggestion(
            f"{count(facts.fresh_pairs, 'new pair')} since the last run.", "Tune again.", "tune"
        )
    elif not facts.evaluated:
        yield Suggestion(
            "The serving version was never measured on held-out questions.",
            "Compare it.",
            "compare",
        )
