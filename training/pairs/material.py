"""What a run learns from: passages, questions to train on, and questions held out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.errors import InputError
from training.pairs import mixing, split
from training.pairs.question import Question
from training.pairs.seedfile import SeedFile

FEWEST_PAIRS = 2


@dataclass(frozen=True)
class Material:
    """What a run learns from: passages, questions to train on, and questions held out."""

    corpus: dict[str, str]
    train: list[Question]
    heldout: list[Question]


def material(
    pairs: SeedFile, heldout: SeedFile | None, *, seed: int = 0, offline: int = 0
) -> Material:
    """
    Pairs as a run takes them; without a held-out file, a tenth of the passages is set aside.

    :param offline: Questions to add on each passage to train on, made without a language model.
    :raises InputError: Too few pairs, or a passage on both sides.
    """
    if heldout is None:
        train, held = split.hold_out(pairs, seed)
        found = Material(pairs.corpus, train, held)
    else:
        corpus, held = split.joined(pairs, heldout)
        found = Material(corpus, split.questions_of(pairs), held)
    if offline:
        aside = {p for q in found.heldout for p in q.passages}
        asked = [q.text for q in (*found.train, *found.heldout)]
        added = mixing.questions(found.corpus, aside, asked, offline)
        found = replace(found, train=[*found.train, *added])
    if len({p for q in found.train for p in q.passages}) < FEWEST_PAIRS:
        raise InputError("All questions have one and the same passage: there is nothing to learn.")
    return found
