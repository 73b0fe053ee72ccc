"""Pairs as their screen shows them: counts, one pair, what was made, the next step. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from app.admin.html import jobs, parts, words
from app.admin.html.template import Template
from pipelines.store.jobs import Job
from pipelines.store.pair_review import Count, Filter, ReviewPlace
from pipelines.store.wrong_passages import KIND
from training.evaluation.gate import FEWEST_QUESTIONS

SIDES = {"train": "training", "heldout": "held-out"}
WAITS = {"review": "to review"}
# What a person decides on where the passage is no answer.
WRONG = (
    "A reader marked this passage as wrong for the question. Accept: the search learns to keep it"
    " below the right one, once the question has a training pair. Reject: the mark is not used."
)

_html = Template("pairs")


def counts(found: Sequence[Count]) -> Markup:
    """How many pairs there are on each side, and how many wait for review."""
    total: Counter[str] = Counter()
    for one in found:
        accepted_as = KIND if one.kind == KIND else one.split
        total[accepted_as if one.status == "accepted" else one.status] += one.pairs
    accepted = total["train"] + total["heldout"]
    cards = parts.cards(
        [
            ("Training", f"{total['train']:,}", _learned(total[KIND])),
            (parts.term("held-out", "Held-out"), f"{total['heldout']:,}", "to judge versions"),
            ("To review", f"{total['review']:,}", "not used until accepted"),
            ("Rejected", f"{total['rejected']:,}", "kept, so that they are not made again"),
        ]
    )
    return cards + _html.split(100 * total["train"] / accepted) if accepted else cards


def next_step(found: Sequence[Count], phrases: tuple[int, int], making: bool) -> Markup:
    """What to do with the pairs, or nothing while more are made."""
    train, heldout = (
        sum(
            one.pairs
            for one in found
            if one.status == "accepted" and one.split == split and one.kind != KIND
        )
        for split in ("train", "heldout")
    )
    if making or not train:
        return Markup("")
    if heldout < FEWEST_QUESTIONS:
        said = (
            f"There are only {heldout} held-out questions. At least {FEWEST_QUESTIONS} are needed to"
            " prove that a version is better. Add documents or make more pairs."
        )
        return parts.note(said, "warn")
    said = f"{words.count(train, 'training pair')}. {_phrases(*phrases)}".strip()
    return parts.verdict(said, "good", [parts.door("Tune on them", "tune", primary=True)])


def _learned(wrong: int) -> str:
    """What the training pairs are for, and the wrong passages beside them."""
    said = "the search learns from these"
    return f"{said}, and from {words.count(wrong, 'passage')} marked as wrong" if wrong else said


def _phrases(count: int, total: int) -> str:
    """What share of the questions made without a language model are only phrases."""
    if not count:
        return ""
    return (
        f"{count / total:.0%} of those made without a language model are phrases, not whole"
        " questions."
    )


def is_phrase(question: str) -> bool:
    """Whether it is a phrase to search for and no whole question."""
    return not question.rstrip().endswith(("?", "？", "؟"))


def quality(found: Sequence[Count]) -> Markup:
    """Counts by source, side, status and reason."""
    if not found:
        return parts.empty(
            "No pairs yet",
            "Once there are some, they are counted here by source, side and reason.",
        )
    rows = [
        (
            one.generator, one.kind, SIDES[one.split],
            parts.pill(WAITS.get(one.status, one.status), parts.TONES[one.status]),
            one.reason, f"{one.pairs:,}",
        )
        for one in found
    ]  # fmt: skip
    headers = ["Source", "Made from", "Side", "Status", "Reason", "Pairs"]
    return parts.table(headers, rows, numbers=[5])


def progress(job: Job) -> Markup:
    """How far a job is that makes or imports pairs."""
    making = "Making pairs" if job.task == "generate" else jobs.title(job)
    counted = "passages" if job.task == "generate" else "windows"
    if job.status == "todo":
        return parts.bar(0, 1, f"{making}: queued")
    left = f", {words.seconds(job.eta_s)} left" if job.eta_s else ""
    said = f": {job.done:,} of {job.total:,} {counted}{left}" if job.total else ""
    return parts.bar(job.done, job.total, f"{making}{said}")


def imported(job: Job | None) -> Markup:
    """What became of the file that was imported last."""
    if job is None or job.status in jobs.OPEN:
        return Markup("")
    said = job.fault or jobs.outcome(job) or "The import was cancelled."
    tone: parts.Tone = "good" if job.status == "succeeded" else "bad"
    return parts.note(f"{job.args.get('name')}: {said}", tone)


def nothing(wanted: Filter) -> Markup:
    """What stands in place of a pair."""
    if wanted.search or wanted.split:
        return parts.empty("No pair matches", "Change the search or the side above.")
    if wanted.sample:
        return parts.empty("No pairs to look at yet", "Make pairs from the documents first.")
    said = {
        "review": ("No pairs to review", "Pairs from liked answers and from suspicious documents come here first, and passages that readers marked as wrong."),
        "accepted": ("No accepted pairs yet", "Make some from the documents, or import a file."),
        "rejected": ("No rejected pairs", "Pairs that the checks or a person rejected are kept here."),
    }  # fmt: skip
    return parts.empty(*said[wanted.status])


def facts(place: ReviewPlace) -> Markup:
    """Where a pair stands in the list, and where it comes from."""
    pair = place.pair
    origin = words.joined(
        pair.document,
        pair.section.split(" > ")[-1],
        f"from {pair.generator}",
        f"ranked {pair.base_rank} by the serving version" if pair.base_rank else "",
    )
    pills = [
        parts.pill(WAITS.get(pair.status, pair.status), parts.TONES[pair.status]),
        parts.pill("wrong source", "bad") if pair.wrong else parts.pill(SIDES[pair.split], "quiet"),
        *([parts.pill("phrase", "warn")] if is_phrase(pair.question) and not pair.wrong else []),
    ]
    asked = WRONG if pair.wrong and pair.status == "review" else ""
    return _html.facts(place, pills, origin, asked or pair.reason)


def passage(place: ReviewPlace) -> Markup:
    """The passage of a pair."""
    return _html.passage(place.pair.passage)


def exports() -> Markup:
    """Links that save the accepted pairs."""
    return _html.exports()
