"""
Passages that answer a question too, because they repeat what it was made of. Pure.

Reports, contracts and manuals say the same twice. A question that was made of one of two such
passages is answered by the other one as well: found first, it is no fault, and it must not be
learned as wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice

from pipelines.text.scoring.bm25 import idf
from pipelines.text.terms import plain_terms

# Stems in a row that two passages share where one repeats the other.
RUN = 6
# Of the weight (idf) of a question's stems in its passage, what must stand in such runs. Figures
# must all stand there.
COVERED = 0.75

# A run in more of the questions' passages than this is boilerplate: it repeats nothing, and would
# take time by the square of their number.
BOILERPLATE = 20

Run = tuple[str, ...]


def also_answering(
    asked: Sequence[tuple[str, Sequence[str]]], corpus: Mapping[str, str], language: str | None
) -> list[tuple[str, ...]]:
    """
    The passages that repeat what each question asks of its own.

    :param asked: Each question with the ids of the passages that answer it.
    :param corpus: Texts of passages by their ids, those of the questions among them.
    :param language: That of most passages (ISO 639-1). Both sides are stemmed by it.
    :returns: Ids for each question, in the order of the corpus, without its own passages.
    """
    own = {passage for _, passages in asked for passage in passages}
    stems_of = {passage: plain_terms(corpus[passage], language) for passage in own}
    places: dict[Run, set[str]] = defaultdict(set)
    for passage, stems in stems_of.items():
        for run in _runs(stems):
            places[run].add(passage)
    places = {run: those for run, those in places.items() if len(those) <= BOILERPLATE}
    counts: Counter[str] = Counter()
    # By a question's passage and another one: the stems in the runs that both have.
    shared: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for other, text in corpus.items():
        stems = stems_of.get(other) or plain_terms(text, language)
        counts.update(set(stems))
        for run in set(_runs(stems)) & places.keys():
            for passage in places[run] - {other}:
                shared[passage][other].update(run)
    weight = {stem: idf(len(corpus), count) for stem, count in counts.items()}

    def repeated(question: str, passage: str) -> list[str]:
        said = set(plain_terms(question, language)).intersection(stems_of[passage])
        figures = {stem for stem in said if stem[0].isdigit()}
        needed = COVERED * sum(weight[stem] for stem in said)
        return [
            other
            for other, stems in shared[passage].items()
            if said and figures <= stems and sum(weight[stem] for stem in said & stems) >= needed
        ]

    return [
        tuple(
            other
            for other in dict.fromkeys(
                other for passage in passages for other in repeated(question, passage)
            )
            if other not in passages
        )
        for question, passages in asked
    ]


def _runs(stems: Sequence[str]) -> list[Run]:
    return list(zip(*(islice(stems, start, None) for start in range(RUN)), strict=False))
