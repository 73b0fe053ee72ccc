"""
Questions about a passage without a language model. Pure.

English and German sentences are turned into questions by their form (`english`, `german`). Headings
and rows of tables are asked for in any language. Where that is not enough, key phrases and parts of
sentences with rare words stand in (cropping, as in Contriever, Izacard et al. 2022). They are
fragments: a retriever learns from them which words belong together, but they prove nothing.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, zip_longest

from pipelines.store.pair_passages import Passage
from pipelines.text import sentences
from training.pairs.forms import Made, is_prose, words_of
from training.pairs.grammar import english, german

PER_PASSAGE = 4
# A word in more than this share of the passages is too common to identify one.
COMMON = 0.15
# Two adjacent words in at least so many passages are a term.
TOGETHER = 3
SENTENCE_CHARS = (40, 400)
MOST_WORDS = 24
# Least and greatest share of a sentence's words in a crop.
CROP = (0.4, 0.8)
# A held-out passage is asked for with more questions, because it gets whole ones only.
PROVING = 2
# Sections with the same heading, up to which it tells one from another.
SAME_HEADING = 2
# Sentences of a passage that are tagged, a millisecond each.
MOST_TAGGED = 5

_NUMBERING = re.compile(r"^(?:\d+(?:\.\d+)*|[A-Za-z]|[IVXivx]+)[.)]\s+|^\d+(?:\.\d+)+\s+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_AMOUNT = re.compile(r"[-+(]?[$€£]?\s?\d[\d.,\s]*\)?\s?[%\w/°²³]{0,8}")


class OfflineGenerator:
    """Makes questions about passages, using the document frequency of the collection's words."""

    name = "offline"

    def __init__(self, passages: Sequence[Passage], *, per_passage: int = PER_PASSAGE) -> None:
        self._per_passage = per_passage
        self._holders = Counter(
            word for passage in passages for word in {w.casefold() for w in words_of(passage.text)}
        )
        self._count = max(1, len(passages))
        self._neighbours = Counter(
            pair for passage in passages for pair in set(pairwise(passage.text.casefold().split()))
        )
        everything = " ".join(passage.text for passage in passages[:2000]).casefold()
        company = everything.count("company") + everything.count("customers")
        self._speaker = "the company" if company > everything.count("study") else "the authors"
        # A heading is asked for once: its first passage answers.
        self._first: dict[tuple[str, str], str] = {}
        for passage in sorted(passages, key=lambda one: one.ordinal):
            self._first.setdefault((passage.document, passage.section), passage.sha256)
        self._headings = Counter(section.casefold() for _, section in self._first)

    def questions(self, passage: Passage) -> list[Made]:
        """Up to `per_passage` questions, the same ones on every call. Fragments come last."""
        draw = random.Random(passage.sha256)
        parts = zip_longest(self._of_phrases(passage), self._cropped(passage, draw))
        every = chain(self._whole(passage), chain.from_iterable(parts))
        return _different(every, self._per_passage)

    def whole(self, passage: Passage) -> list[Made]:
        """Up to `PROVING` times as many questions, none of them a fragment: they may prove a gain."""
        return _different(self._whole(passage), PROVING * self._per_passage)

    def _whole(self, passage: Passage) -> Iterator[Made | None]:
        said = self._of_sentences(passage)
        turns = zip_longest(said, said, self._of_tables(passage), self._of_heading(passage))
        return chain.from_iterable(turns)

    def _of_sentences(self, passage: Passage) -> Iterator[Made]:
        """The first question of each sentence before the second of any."""
        asked: list[list[Made]] = []
        for sentence in self._telling(passage)[:MOST_TAGGED]:
            if passage.language in ("en", None):
                asked.append(list(english.questions(sentence, self._speaker)))
            elif passage.language == "de":
                asked.append(list(german.questions(sentence)))
        for layer in zip_longest(*asked):
            yield from (made for made in layer if made is not None)

    def _of_heading(self, passage: Passage) -> Iterator[Made]:
        if self._first.get((passage.document, passage.section)) != passage.sha256:
            return
        if self._headings[passage.section.casefold()] > SAME_HEADING:
            return  # as "Introduction", which every document has
        parts = [_plain(part) for part in passage.section.split(" > ")]
        heading = parts[-1]
        if not any(char.isalpha() for char in heading):
            return
        if heading.endswith(("?", "？")):
            yield Made(heading, "heading")
            return
        task = english.of_heading(heading) if passage.language in ("en", None) else None
        if task is not None:
            yield Made(task, "how")
        elif len(words_of(heading)) < 2 and len(parts) > 1:
            yield Made(f"{heading}, {parts[-2]}", "heading")
        else:
            yield Made(heading, "heading")

    def _of_tables(self, passage: Passage) -> Iterator[Made]:
        """The first row of each table that has a name and an amount, by its column."""
        if passage.language not in ("en", "de", None):
            return
        header: list[str] = []
        for line in passage.text.split("\n"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.lstrip().startswith("|"):
                header = []
            elif not header:
                header = cells
            elif len(cells) == len(header) and len(words_of(cells[0])) >= 2:
                place = next((n for n, c in enumerate(cells) if n and _AMOUNT.fullmatch(c)), 0)
                if place and header[place]:
                    yield Made(_of_cell(cells[0], header[place], passage.language), "table")
                    header = cells[:1]

    def _of_phrases(self, passage: Passage) -> Iterator[Made]:
        phrases = self._phrases(passage.text)
        for pair in zip(phrases[::2], phrases[1::2], strict=False):
            yield Made(" ".join(pair), "phrase")

    def _cropped(self, passage: Passage, draw: random.Random) -> Iterator[Made]:
        for sentence in self._telling(passage):
            words = sentence.split()
            if len(words) < 2:
                # Scripts without spaces: a run of characters.
                words = [sentence[i : i + 4] for i in range(0, len(sentence), 4)]
                glue = ""
            else:
                glue = " "
            length = max(4, round(len(words) * draw.uniform(*CROP)))
            start = draw.randint(0, max(0, len(words) - length))
            part = words[start : start + min(length, MOST_WORDS)]
            yield Made(glue.join(part).strip(" ,;:.()|"), "sentence")

    def _telling(self, passage: Passage) -> list[str]:
        """Sentences ordered by the rarity of their words, rarest first."""
        low, high = SENTENCE_CHARS
        found = [
            " ".join(passage.text[a:b].split())
            for a, b in sentences.split(passage.text)
            if low <= b - a <= high
        ]
        found = [sentence for sentence in found if is_prose(sentence)]
        return sorted(found, key=self._rarity, reverse=True)

    def _rarity(self, text: str) -> float:
        words = {word.casefold() for word in words_of(text)}
        return sum(map(self._idf, words)) / math.sqrt(len(words) + 1)

    def _idf(self, word: str) -> float:
        return math.log(1 + self._count / (1 + self._holders[word.casefold()]))

    def _phrases(self, text: str) -> list[str]:
        """Runs of rare words that occur together elsewhere too, best first."""
        together = TOGETHER if self._count > 20 else 1
        common = COMMON * self._count if self._count > 20 else self._count
        runs: Counter[str] = Counter()
        for piece in re.split(r"[^\w\s'’-]+|\n", text):
            run: list[str] = []
            for word in [*piece.split(), ""]:
                telling = (
                    len(word) > 2 and word.isalpha() and self._holders[word.casefold()] <= common
                )
                joined = (
                    not run or self._neighbours[run[-1].casefold(), word.casefold()] >= together
                )
                if telling and joined:
                    run.append(word)
                    continue
                if 2 <= len(run) <= 4:
                    runs[" ".join(run)] += 1
                run = [word] if telling else []
        found: list[str] = []
        for phrase in sorted(runs, key=lambda run: -runs[run] * self._rarity(run)):
            words = set(phrase.casefold().split())
            if all(words.isdisjoint(other.casefold().split()) for other in found):
                found.append(phrase)
        return found


def _different(every: Iterator[Made | None], most: int) -> list[Made]:
    found: dict[str, Made] = {}
    for made in every:
        if made is not None:
            found.setdefault(made.question.casefold(), made)
        if len(found) == most:
            break
    return list(found.values())


def _plain(heading: str) -> str:
    """A heading without its number, and not in capitals only."""
    bare = _NUMBERING.sub("", heading).strip(" .:")
    return bare.capitalize() if bare.isupper() and " " in bare else bare


def _of_cell(row: str, column: str, language: str | None) -> str:
    """The question for an amount of a table, by the names of its row and its column."""
    if _YEAR.fullmatch(column):
        return (
            f"Wie hoch war {row} {column}?" if language == "de" else f"What was {row} in {column}?"
        )
    return (
        f"Wie hoch ist {column} bei {row}?" if language == "de" else f"What is {column} of {row}?"
    )
