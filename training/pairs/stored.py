"""The stored pairs in the form that runs and evaluations use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pipelines.errors import InputError
from pipelines.store import documents, pair_passages, pairs, wrong_passages
from pipelines.store.db import Connection
from pipelines.store.pairs import Pair, Split
from pipelines.text.languages import language_of_most
from pipelines.text.scoring import repeats
from training.pairs import split
from training.pairs.forms import FRAGMENTS
from training.pairs.material import FEWEST_PAIRS, Material
from training.pairs.question import Question
from training.pairs.seedfile import SeedFile

# Total number of passages to search in. Passages without questions are an even sample of the
# documents. More of them cost time and change no verdict.
MOST_PASSAGES = 5000


def material(
    conn: Connection, *, generators: Collection[str] | None = None, seed: int = 0
) -> Material:
    """
    The accepted training pairs, with a tenth of their passages held out to choose a checkpoint.

    The held-out side is not used. Questions that a run has seen, if only to choose its checkpoint,
    cannot judge it afterwards (`dataset`).

    :param generators: Only pairs from these generators. None means all.
    :raises InputError: There are no pairs to train on.
    """
    train = pairs.usable(conn, "train", generators=generators)
    if len({pair.passage_sha256 for pair in train}) < FEWEST_PAIRS:
        raise InputError(
            "There are no accepted pairs to train on. Make some with attune pairs generate, or"
            " give --pairs FILE."
        )
    asked = by_question(train)
    chosen, aside = split.hold_out(
        SeedFile(
            {key: same[0].question for key, same in asked.items()},
            {pair.passage_sha256: pair.passage for pair in train},
            {key: [pair.passage_sha256 for pair in same] for key, same in asked.items()},
        ),
        seed,
    )
    wrong = [w for w in wrong_passages.hard_negatives(conn) if w.question_sha256 in asked]
    wrong_of: dict[str, list[str]] = {}
    for one in wrong:
        text = asked[one.question_sha256][0].question
        wrong_of.setdefault(text, []).append(one.passage_sha256)
    corpus = corpus_of(conn, train, {one.passage_sha256: one.passage for one in wrong})
    chosen = with_repeats(_with_wrong(chosen, wrong_of), corpus)
    return Material(corpus, chosen, with_repeats(aside, corpus))


def _with_wrong(questions: Sequence[Question], wrong_of: Mapping[str, list[str]]) -> list[Question]:
    return [replace(q, wrong=tuple(wrong_of.get(q.text, ()))) for q in questions]


def with_repeats(questions: Sequence[Question], corpus: Mapping[str, str]) -> list[Question]:
    """The questions with the passages that repeat what they ask, unless a person called them wrong."""
    asked = [(q.text, q.passages) for q in questions]
    found = repeats.also_answering(asked, corpus, language_of_most(corpus.values()))
    return [
        replace(q, also=tuple(passage for passage in also if passage not in q.wrong))
        for q, also in zip(questions, found, strict=True)
    ]


def evidence(conn: Connection) -> list[Pair]:
    """The accepted held-out pairs whose questions are whole, so that finding them proves a gain."""
    return [pair for pair in pairs.usable(conn, "heldout") if pair.kind not in FRAGMENTS]


def accepted(conn: Connection, split: Split | None) -> SeedFile:
    """
    The accepted pairs as a file that can be imported again.

    :param split: One side only. None means both.
    :raises InputError: There are none.
    """
    found = pairs.select(conn, statuses=["accepted"], split=split)
    if not found:
        raise InputError("No accepted pair is stored.")
    relevant: dict[str, list[str]] = {}
    for pair in found:
        relevant.setdefault(pair.question_sha256[:16], []).append(pair.passage_sha256[:16])
    return SeedFile(
        {pair.question_sha256[:16]: pair.question for pair in found},
        {pair.passage_sha256[:16]: pair.passage for pair in found},
        relevant,
    )


def corpus_of(
    conn: Connection, found: Sequence[Pair], also: Mapping[str, str] | None = None
) -> dict[str, str]:
    """
    The pairs' passages, filled up with other passages of the documents to `MOST_PASSAGES`.

    :param also: Further passages to include, by their sha256.
    """
    corpus = {pair.passage_sha256: pair.passage for pair in found} | dict(also or {})
    others = {
        p.sha256: p.text
        for p in pair_passages.passages(conn, suspicious_code=documents.SUSPICIOUS)
        if p.sha256 not in corpus
    }
    room = max(0, MOST_PASSAGES - len(corpus))
    return corpus | {key: others[key] for key in sorted(others)[:room]}


def by_question(found: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Group pairs by their question's sha256."""
    asked: dict[str, list[Pair]] = {}
    for pair in found:
        asked.setdefault(pair.question_sha256, []).append(pair)
    return asked
