"""The pieces of HTML that the screen of pairs shows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from app.admin.html import jobs, parts
from pipelines.store.jobs import Job
from pipelines.store.pair_review import Count, Filter, Place
from training.evaluation.gate import FEWEST_QUESTIONS

SIDES = {"train": "to train on", "heldout": "held-out"}
WAITS = {"review": "to review"}


def counts(found: Sequence[Count]) -> Markup:
    total: Counter[str] = Counter()
    for one in found:
        total[one.split if one.status == "accepted" else one.status] += one.pairs
    accepted = total["train"] + total["heldout"]
    cards = parts.cards(
        [
            ("To train on", f"{total['train']:,}", "the search learns from these"),
            (parts.term("held-out", "Held-out"), f"{total['heldout']:,}", "to judge versions on"),
            ("To review", f"{total['review']:,}", "not used until accepted"),
            ("Rejected", f"{total['rejected']:,}", "kept, so that they are not made again"),
        ]
    )
    if not accepted:
        return cards
    share = 100 * total["train"] / accepted
    return cards + Markup(
        '<div class="split" role="img" aria-label="{}"><i style="width:{:.1f}%"></i></div>'
        '<div class="split-words"><span>{:.0f}% to train on</span><span>{:.0f}% held-out</span></div>'
    ).format(f"{share:.0f}% to train on", share, share, 100 - share)


def next_step(found: Sequence[Count], phrases: tuple[int, int], making: bool) -> Markup:
    """What to do with the pairs that there are; nothing while more are made."""
    train, heldout = (
        sum(one.pairs for one in found if one.status == "accepted" and one.split == split)
        for split in ("train", "heldout")
    )
    if making or not train:
        return Markup("")
    if heldout < FEWEST_QUESTIONS:
        said = (
            f"Only {heldout} held-out questions: at least {FEWEST_QUESTIONS} are needed to prove a"
            " version better. Add documents or make more pairs."
        )
        return parts.note(said, "warn")
    doors = parts.door("Tune on them", "tune", primary=True)
    said = f"{parts.count(train, 'pair')} to train on. {_phrases(*phrases)}"
    return Markup(
        '<div class="note verdict good"><p>{}</p><div class="doors">{}</div></div>'
    ).format(said.strip(), doors)


def _phrases(count: int, total: int) -> str:
    """What share of the questions made without a language model are none."""
    if not count:
        return ""
    return (
        f"{count / total:.0%} of those made without a language model are phrases, not whole"
        " questions."
    )


def is_phrase(question: str) -> bool:
    """Whether it is words to search for, not a question."""
    return not question.rstrip().endswith(("?", "？", "؟"))


def quality(found: Sequence[Count]) -> Markup:
    if not found:
        return parts.empty(
            "Nothing was made yet",
            "Counts by source, side and reason appear here after the first pairs.",
        )
    rows = [
        (
            one.generator, one.kind, SIDES[one.split],
            parts.pill(WAITS.get(one.status, one.status), parts.TONES[one.status]),
            one.reason, f"{one.pairs:,}",
        )
        for one in found
    ]  # fmt: skip
    headers = ["Source", "Made from", "Side", "Status", "Why", "Pairs"]
    return parts.table(headers, rows, numbers=[5])


def progress(job: Job) -> Markup:
    making = "Making pairs" if job.task == "generate" else jobs.title(job)
    counted = "passages" if job.task == "generate" else "windows"
    if job.status == "todo":
        return parts.bar(0, 1, f"{making}: queued")
    left = f", {parts.seconds(job.eta_s)} left" if job.eta_s else ""
    words = f": {job.done:,} of {job.total:,} {counted}{left}" if job.total else ""
    return parts.bar(job.done, job.total, f"{making}{words}")


def imported(job: Job | None) -> Markup:
    """What became of the file that was imported last."""
    if job is None or job.status in jobs.OPEN:
        return Markup("")
    told = (
        f"{job.args.get('name')}: {job.fault or jobs.outcome(job) or 'the import was cancelled.'}"
    )
    return parts.note(told, "good" if job.status == "succeeded" else "bad")


def nothing(wanted: Filter) -> Markup:
    if wanted.search or wanted.split:
        return parts.empty("No pair fits", "Change the search or the side above.")
    if wanted.sample:
        return parts.empty("Nothing to look at yet", "Make pairs from the documents first.")
    told = {
        "review": ("Nothing waits for review", "Pairs from liked answers come here, and pairs from suspicious documents."),
        "accepted": ("No pair was accepted yet", "Make some from the documents, or import a file."),
        "rejected": ("No pair was rejected", "What the checks or a person turn down is kept here."),
    }  # fmt: skip
    return parts.empty(*told[wanted.status])


def facts(place: Place) -> Markup:
    pair = place.pair
    found = [
        pair.document,
        pair.section.split(" > ")[-1],
        f"from {pair.generator}",
        f"ranked {pair.base_rank} by the serving version" if pair.base_rank else "",
    ]
    why = parts.note(pair.reason, "warn") if pair.reason else ""
    return Markup(
        '<div class="pair-head"><span>{:,} of {:,}</span>{}{}{}</div><div class="aside">{}</div>{}'
    ).format(
        place.number,
        place.total,
        parts.pill(WAITS.get(pair.status, pair.status), parts.TONES[pair.status]),
        parts.pill(SIDES[pair.split], "quiet"),
        parts.pill("phrase", "warn") if is_phrase(pair.question) else "",
        " · ".join(filter(None, found)),
        why,
    )


def passage(place: Place) -> Markup:
    return Markup('<div class="passage-text" tabindex="0" aria-label="Passage">{}</div>').format(
        place.pair.passage
    )
