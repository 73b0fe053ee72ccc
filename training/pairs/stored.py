"""The pairs in the store as a run and an evaluation take them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipelines.errors import InputError
from pipelines.store import documents, pairs
from pipelines.store.db import Connection
from pipelines.store.pairs import Pair, Split
from training.pairs import split
from training.pairs.material import FEWEST_PAIRS, Material
from training.pairs.seedfile import SeedFile

# Passages beside those that are asked about: what a question has to be told from. More cost time
# and change no verdict; they are an even sample of the documents.
MOST_PASSAGES = 5000


def material(
    conn: Connection, *, generators: Collection[str] | None = None, seed: int = 0
) -> Material:
    """
    The accepted pairs to train on, a tenth of their passages set aside to tell when to stop.

    The held-out side stays out of it: what a run has looked at, if only to choose its checkpoint,
    proves nothing afterwards (`dataset`).

    :param generators: Train only on what these made; None: on all.
    :raises InputError: There are none to train on.
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
    return Material(corpus_of(conn, train), chosen, aside)


def accepted(conn: Connection, split: Split | None) -> SeedFile:
    """
    The accepted pairs as a file that can be taken in again.

    :param split: None: both sides.
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


def corpus_of(conn: Connection, found: Sequence[Pair]) -> dict[str, str]:
    """The pairs' passages, and others of the documents up to `MOST_PASSAGES`."""
    corpus = {pair.passage_sha256: pair.passage for pair in found}
    others = {
        p.sha256: p.text
        for p in pairs.passages(conn, suspicious_code=documents.SUSPICIOUS)
        if p.sha256 not in corpus
    }
    room = max(0, MOST_PASSAGES - len(corpus))
    return corpus | {key: others[key] for key in sorted(others)[:room]}


def by_question(found: Sequence[Pair]) -> dict[str, list[Pair]]:
    asked: dict[str, list[Pair]] = {}
    for pair in found:
        asked.setdefault(pair.question_sha256, []).append(pair)
    return asked
