"""The training material of a run: passages, training questions, and held-out questions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.errors import InputError
from training.pairs import mixing, split
from training.pairs.question import Question
from training.pairs.seedfile import SeedFile

FEWEST_PAIRS = 2


@dataclass(frozen=True)
class Material:
    """The training material of a run: passages, training questions, and held-out questions."""

    corpus: dict[str, str]
    train: list[Question]
    heldout: list[Question]

    @property
    def wrong(self) -> int:
        """Number of wrong passages that are hard negatives of training questions."""
        return sum(len(question.wrong) for question in self.train)


def material(
    pairs: SeedFile, heldout: SeedFile | None, *, seed: int = 0, offline: int = 0
) -> Material:
    """
    Prepare the pairs of a file for a run. Without a held-out file, a tenth of the passages is held
    out.

    :param offline: Number of questions per training passage to add, made without a language model.
    :raises InputError: There are too few pairs, or a passage is on both sides.
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
