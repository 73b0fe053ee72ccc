"""Questions to train on and questions held out: no passage is on both sides."""

from __future__ import annotations

import random
from collections.abc import Iterable

from pipelines.errors import InputError
from training.pairs.clusters import clusters
from training.pairs.question import Question
from training.pairs.seedfile import SeedFile

SHARE = 0.1
# With fewer groups of questions a held-out part says nothing, and training misses it.
FEWEST_GROUPS = 10


def hold_out(
    seed: SeedFile, number: int, share: float = SHARE
) -> tuple[list[Question], list[Question]]:
    """
    Part of the questions set aside: those of about a tenth of the passages.

    Questions that share a passage, or have passages of the same words, stay together.

    :param number: Seed of the draw.
    :param share: Of the questions, to set aside.
    :returns: Training questions, then held-out ones; none of these where there are few passages.
    """
    texts = [[same_words(seed.corpus[p]) for p in seed.relevant_docs[q]] for q in seed.queries]
    groups = clusters(texts).tolist()
    names = sorted(set(groups))
    held: set[int] = set()
    if len(names) >= FEWEST_GROUPS:
        random.Random(number).shuffle(names)
        most = round(share * len(groups))
        for name in names:
            if sum(g in held for g in groups) >= most:
                break
            held.add(name)
    questions = questions_of(seed)
    train = [q for q, g in zip(questions, groups, strict=True) if g not in held]
    return train, [q for q, g in zip(questions, groups, strict=True) if g in held]


def questions_of(seed: SeedFile) -> list[Question]:
    """The questions of a file, each with the ids of its passages."""
    return [Question(seed.queries[q], tuple(seed.relevant_docs[q])) for q in seed.queries]


def joined(train: SeedFile, heldout: SeedFile) -> tuple[dict[str, str], list[Question]]:
    """
    The passages of both files, and the held-out questions by the joined ids.

    :raises InputError: A held-out question's passage, or the question itself, is trained on.
    """
    known = {same_words(text) for text in _answers(train)}
    shared = sum(same_words(text) in known for text in _answers(heldout))
    asked = {same_words(text) for text in train.queries.values()}
    repeated = sum(same_words(text) in asked for text in heldout.queries.values())
    if shared or repeated:
        raise InputError(
            f"The held-out file shares {shared} passages and {repeated} questions with the "
            "training pairs; what is trained on proves nothing."
        )
    corpus = dict(train.corpus)
    ids = {}
    for name, text in heldout.corpus.items():
        ids[name] = name if corpus.get(name, text) == text else f"heldout:{name}"
        corpus[ids[name]] = text
    questions = questions_of(heldout)
    return corpus, [Question(q.text, tuple(ids[p] for p in q.passages)) for q in questions]


def _answers(seed: SeedFile) -> Iterable[str]:
    return (seed.corpus[p] for p in {p for ps in seed.relevant_docs.values() for p in ps})


def same_words(text: str) -> str:
    """The text without what makes no difference: case and white space."""
    return " ".join(text.casefold().split())
