"""The stored held-out pairs as a dataset to evaluate on."""

from __future__ import annotations

from pipelines.errors import InputError
from pipelines.store import documents, pair_passages, pairs
from pipelines.store.db import Connection
from training.evaluation import dataset as datasets
from training.evaluation.dataset import Dataset
from training.pairs.question import Question
from training.pairs.stored import by_question, corpus_of, evidence, with_repeats


def dataset(conn: Connection) -> Dataset:
    """
    The held-out pairs with the documents' passages to search in.

    :raises InputError: There are none.
    """
    heldout = evidence(conn)
    if not heldout:
        raise InputError(
            "No accepted question is held out, phrases aside. Make pairs with attune pairs generate"
            " or give --dataset FILE."
        )
    corpus = corpus_of(conn, heldout)
    languages: dict[str, str | None] = dict.fromkeys(corpus)
    languages |= {
        passage.sha256: passage.language
        for passage in pair_passages.passages(conn, suspicious_code=documents.SUSPICIOUS)
        if passage.sha256 in corpus
    }
    languages |= {pair.passage_sha256: pair.language for pair in heldout}
    asked = by_question(heldout)
    questions = with_repeats(
        [Question(of[0].question, tuple(p.passage_sha256 for p in of)) for of in asked.values()],
        corpus,
    )
    return datasets.of_passages(
        pairs.CORPUS,
        {key: question.text for key, question in zip(asked, questions, strict=True)},
        corpus,
        {key: [*q.passages, *q.also] for key, q in zip(asked, questions, strict=True)},
        languages,
    )
