"""
Questions about a passage without a language model. Pure.

Headings, definitions, figures, effects, tables and key phrases become questions by the form of a
sentence. Where no form fits, a part of a sentence with rare words serves as a question (cropping,
as in Contriever, Izacard et al. 2022). The forms of sentences are English. Other languages have
headings, key phrases and crops only. From such questions a retriever learns the words of the
documents: which belong together, and which distinguish one passage from its neighbours.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from pipelines.store.pair_passages import Passage
from pipelines.text import sentences
from training.pairs.forms import (
    Made,
    definition,
    effect,
    figure,
    is_prose,
    lower,
    statement,
    words_of,
)

PER_PASSAGE = 4
# A word in more than this share of the passages is too common to identify one.
COMMON = 0.15
# Two adjacent words in at least so many passages are a term.
TOGETHER = 3
SENTENCE_CHARS = (40, 400)
MOST_WORDS = 24
# Least and greatest share of a sentence's words in a crop.
CROP = (0.4, 0.8)


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

    def questions(self, passage: Passage) -> list[Made]:
        """Up to `per_passage` questions, the same ones on every call."""
        draw = random.Random(passage.sha256)
        makers: list[Callable[[Passage, random.Random], Iterator[Made]]] = [self._cropped]
        if passage.section:
            makers.append(self._of_heading)
        makers.append(self._of_phrases)
        if passage.language in ("en", None):
            makers += [self._of_tables, self._of_sentences]
        # One of each kind in turn, so that no single kind fills a passage. Forms of sentences come
        # first, because they are most like people's questions.
        queues = [list(maker(passage, draw)) for maker in reversed(makers)]
        found: dict[str, Made] = {}
        while any(queues) and len(found) < self._per_passage:
            for queue in queues:
                if queue and len(found) < self._per_passage:
                    made = queue.pop(0)
                    found.setdefault(made.question.casefold(), made)
        return list(found.values())

    def _of_heading(self, passage: Passage, draw: random.Random) -> Iterator[Made]:
        parts = [part.strip(" .:") for part in passage.section.split(" > ")]
        if len(words_of(parts[-1])) < 1 or not any(char.isalpha() for char in parts[-1]):
            return
        if parts[-1].endswith(("?", "？")):
            yield Made(parts[-1], "heading")
            return
        asked = parts[-1]
        if len(words_of(asked)) < 2 and len(parts) > 1:
            asked = f"{asked}, {parts[-2]}"
        if passage.language in ("en", None):
            forms = ("What is said about {}?", "{}", "What should one know about {}?")
            asked = draw.choice(forms).format(asked)
        yield Made(asked, "heading")

    def _of_sentences(self, passage: Passage, draw: random.Random) -> Iterator[Made]:
        found = [
            made
            for sentence in self._telling(passage)
            for maker in (definition, figure, effect, partial(statement, speaker=self._speaker))
            for made in maker(sentence)
        ]
        # The first of each form before the second of any.
        seen: Counter[str] = Counter()
        places = []
        for made in found:
            places.append(seen[made.kind])
            seen[made.kind] += 1
        yield from (found[i] for i in sorted(range(len(found)), key=places.__getitem__))

    def _of_tables(self, passage: Passage, draw: random.Random) -> Iterator[Made]:
        lines = passage.text.split("\n")
        for above, line in pairwise(lines):
            caption = above.strip(" :.|*")
            starts = line.lstrip().startswith("|") and not above.lstrip().startswith("|")
            if starts and 10 <= len(caption) <= 160 and any(map(str.isalpha, caption)):
                yield Made(f"What are the figures for {lower(caption)}?", "table")
        for line in lines:
            cells = [cell.strip() for cell in line.strip("| ").split("|")]
            if len(cells) > 2 and len(words_of(cells[0])) >= 2 and re.search(r"\d", line):
                yield Made(f"How much was {lower(cells[0])}?", "table")
                break

    def _of_phrases(self, passage: Passage, draw: random.Random) -> Iterator[Made]:
        phrases = self._phrases(passage.text)
        if len(phrases) < 2:
            return
        first, second = phrases[:2]
        if passage.language not in ("en", None):
            yield Made(f"{first} {second}", "phrase")
            return
        forms = (
            "How do {} and {} relate?",
            "What is said about {} and {}?",
            "How does {} affect {}?",
            "{} {}",
        )
        yield Made(draw.choice(forms).format(first, second), "phrase")
        if len(phrases) > 3:
            yield Made(f"What is known about {phrases[2]} and {phrases[3]}?", "phrase")

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
