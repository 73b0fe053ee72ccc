"""Additional training questions on a file's passages, made without a language model."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from pipelines.store.pair_passages import Passage
from pipelines.text.languages import language_of_most
from training.pairs import quality
from training.pairs.offline import OfflineGenerator
from training.pairs.question import Question
from training.pairs.split import same_words


def questions(
    corpus: Mapping[str, str], heldout: Collection[str], asked: Collection[str], per_passage: int
) -> list[Question]:
    """
    Up to `per_passage` questions on each passage that is not held out.

    :param heldout: Ids of held-out passages. They and passages with the same words get no
        questions.
    :param asked: Existing questions, which are not repeated.
    """
    barred = {same_words(corpus[name]) for name in heldout}
    language = language_of_most(corpus.values())
    passages = {
        name: Passage(hashlib.sha256(body.encode()).hexdigest(), body, "", "", n, language, False)
        for n, (name, body) in enumerate(corpus.items())
        if same_words(body) not in barred
    }
    generator = OfflineGenerator(list(passages.values()), per_passage=per_passage)
    known = {quality.digest(question) for question in asked}
    found: dict[str, Question] = {}
    for name, passage in passages.items():
        for made in generator.questions(passage):
            key = quality.digest(made.question)
            if key in known:
                found.pop(key, None)  # the question fits two passages and so identifies neither
            elif quality.fault(made.question, language) is None:
                found[key] = Question(made.question, (name,))
            known.add(key)
    return list(found.values())
