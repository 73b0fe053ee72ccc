"""Evaluation datasets: questions, the passages to search, and which passages answer."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pipelines.errors import InputError
from pipelines.text.languages import language_of_most
from training.pairs import seedfile
from training.pairs.quality import leans_on_context
from training.pairs.seedfile import SeedFile


@dataclass(frozen=True)
class Dataset:
    """
    Questions and passages by id.

    `languages` are those of the passages (ISO 639-1, None if unknown). `leaning` are the questions
    that cannot be understood without their passage.
    """

    name: str
    queries: Mapping[str, str]
    corpus: Mapping[str, str]
    relevant: Mapping[str, Collection[str]]
    languages: Mapping[str, str | None]
    leaning: frozenset[str]

    @property
    def sha256(self) -> str:
        """The sum of the content. The same questions, passages and answers have the same sum."""
        value = [
            dict(self.queries),
            dict(self.corpus),
            {name: sorted(passages) for name, passages in self.relevant.items()},
        ]
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class DatasetFacts:
    """The data card of a dataset."""

    name: str
    sha256: str
    questions: int
    leaning: int
    several_answers: int
    passages: int
    words_per_question: float
    words_per_passage: float
    languages: dict[str, int]


def of_file(path: Path) -> Dataset:
    """
    The dataset of a JSON or CSV file of pairs.

    :raises InputError: The file cannot be used. One sentence says why.
    """
    return _of_seed(_name(path), seedfile.read(path))


def of_passages(
    name: str,
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    relevant: Mapping[str, Collection[str]],
    languages: Mapping[str, str | None],
) -> Dataset:
    """
    A dataset of given questions and passages.

    :raises InputError: There is no question.
    """
    if not queries:
        raise InputError(f"{name} has no question to evaluate on.")
    leaning = frozenset(q for q, question in queries.items() if leans_on_context(question))
    return Dataset(name, queries, corpus, relevant, languages, leaning)


def general() -> Dataset:
    """The bundled questions of general knowledge, which show what tuning forgets."""
    with resources.as_file(resources.files("training") / "general.json") as path:
        return _of_seed("general", seedfile.read(path))


def facts(dataset: Dataset) -> DatasetFacts:
    """The data card of a dataset."""
    languages: dict[str, int] = {}
    for language in dataset.languages.values():
        languages[language or "unknown"] = languages.get(language or "unknown", 0) + 1
    return DatasetFacts(
        name=dataset.name,
        sha256=dataset.sha256,
        questions=len(dataset.queries),
        leaning=len(dataset.leaning),
        several_answers=sum(len(passages) > 1 for passages in dataset.relevant.values()),
        passages=len(dataset.corpus),
        words_per_question=_median_words(dataset.queries),
        words_per_passage=_median_words(dataset.corpus),
        languages=languages,
    )


def _of_seed(name: str, seed: SeedFile) -> Dataset:
    languages = dict.fromkeys(seed.corpus, language_of_most(seed.corpus.values()))
    return of_passages(name, seed.queries, seed.corpus, seed.relevant_docs, languages)


def _name(path: Path) -> str:
    """The file's name with its folder, because `val.json` alone says little."""
    return "/".join(path.absolute().parts[-2:])


def _median_words(texts: Mapping[str, str]) -> float:
    return float(statistics.median(len(passage.split()) for passage in texts.values()))
