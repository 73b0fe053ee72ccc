"""Splits questions into training and held-out ones, with no passage on both sides."""

from __future__ import annotations

import random
from collections.abc import Iterable

from pipelines.errors import InputError
from training.pairs.clusters import clusters
from training.pairs.question import Question
from training.pairs.seedfile import SeedFile

SHARE = 0.1
# With fewer groups of questions a held-out part is too small to judge by, and training needs it.
FEWEST_GROUPS = 10


def hold_out(
    seed: SeedFile, number: int, share: float = SHARE
) -> tuple[list[Question], list[Question]]:
    """
    Hold out part of the questions at random.

    Questions that share a passage, or have passages with the same words, stay together.

    :param number: Seed of the random draw.
    :param share: Share of the questions to hold out.
    :returns: Training questions and held-out ones. With few passages nothing is held out.
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
    Join the passages of both files.

    :returns: The passages, and the held-out questions with the joined ids.
    :raises InputError: A held-out question or its passage is also trained on.
    """
    known = {same_words(text) for text in _answers(train)}
    shared = sum(same_words(text) in known for text in _answers(heldout))
    asked = {same_words(text) for text in train.queries.values()}
    repeated = sum(same_words(text) in asked for text in heldout.queries.values())
    if shared or repeated:
        raise InputError(
            f"The held-out file shares {shared} passages and {repeated} questions with the "
            "training pairs. Questions that a model was trained on prove nothing."
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
    """The text without differences in case and white space."""
    return " ".join(text.casefold().split())
