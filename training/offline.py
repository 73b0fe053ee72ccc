"""
Questions from a passage without a language model. Pure.

Headings, definitions, figures, effects, tables and key phrases are turned round into questions by
the form of a sentence; where no form fits, a part of a telling sentence stands for a question
(cropping, as in Contriever, Izacard et al. 2022). Forms of sentences are English; in other languages
headings, key phrases and crops are left. What a retriever learns from them is the words of the
documents: which belong together, and which tell one passage from its neighbours.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipelines import sentences
from pipelines.store.pairs import Passage

PER_PASSAGE = 4
# A word in more than this share of the passages says nothing about any of them.
COMMON = 0.15
# Two words that stand together in so many passages are a term.
TOGETHER = 3
SENTENCE_CHARS = (40, 400)
MOST_WORDS = 24
# Of a sentence's words, in a crop.
CROP = (0.4, 0.8)


@dataclass(frozen=True)
class Made:
    """A question, and what it was made from."""

    question: str
    kind: str


class OfflineGenerator:
    """Makes questions of passages, knowing how rare the words of the collection are."""

    name = "offline"

    def __init__(self, passages: Sequence[Passage], *, per_passage: int = PER_PASSAGE) -> None:
        self._per_passage = per_passage
        self._holders = Counter(
            word for passage in passages for word in {w.casefold() for w in _words(passage.text)}
        )
        self._count = max(1, len(passages))
        self._neighbours = Counter(
            pair for passage in passages for pair in set(pairwise(passage.text.casefold().split()))
        )
        everything = " ".join(passage.text for passage in passages[:2000]).casefold()
        company = everything.count("company") + everything.count("customers")
        self._speaker = "the company" if company > everything.count("study") else "the authors"

    def questions(self, passage: Passage) -> list[Made]:
        """Up to `per_passage` questions; the same ones each time."""
        draw = random.Random(passage.sha256)
        makers: list[Callable[[Passage, random.Random], Iterator[Made]]] = [self._cropped]
        if passage.section:
            makers.append(self._of_heading)
        makers.append(self._of_phrases)
        if passage.language in ("en", None):
            makers += [self._of_tables, self._of_sentences]
        # One of each kind in turn, so that no kind fills a passage alone; forms of sentences,
        # which are most like what people ask, come first.
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
        if len(_words(parts[-1])) < 1 or not any(char.isalpha() for char in parts[-1]):
            return
        if parts[-1].endswith(("?", "？")):
            yield Made(parts[-1], "heading")
            return
        asked = parts[-1]
        if len(_words(asked)) < 2 and len(parts) > 1:
            asked = f"{asked}, {parts[-2]}"
        if passage.language in ("en", None):
            forms = ("What is said about {}?", "{}", "What should one know about {}?")
            asked = draw.choice(forms).format(asked)
        yield Made(asked, "heading")

    def _of_sentences(self, passage: Passage, draw: random.Random) -> Iterator[Made]:
        found = [
            made
            for sentence in self._telling(passage)
            for maker in (_definition, _figure, _effect, self._statement)
            for made in maker(sentence)
        ]
        # The first of each form before the second of any.
        seen: Counter[str] = Counter()
        places = []
        for made in found:
            places.append(seen[made.kind])
            seen[made.kind] += 1
        yield from (found[i] for i in sorted(range(len(found)), key=places.__getitem__))

    def _statement(self, sentence: str) -> Iterator[Made]:
        match = _STATEMENT.match(sentence)
        if match is None:
            return
        rest = " ".join(_third(match["rest"], self._speaker).split()[:14])
        singular = self._speaker == "the company"
        asked = "does" if singular else "do"
        verb = match["verb"]
        if match["who"] != "We":
            verb = verb.removesuffix("s")
        if not _is_base_form(verb):
            return
        yield Made(f"How {asked} {self._speaker} {verb} {_trim(rest)}?", "statement")

    def _of_tables(self, passage: Passage, draw: random.Random) -> Iterator[Made]:
        lines = passage.text.split("\n")
        for above, line in pairwise(lines):
            caption = above.strip(" :.|*")
            starts = line.lstrip().startswith("|") and not above.lstrip().startswith("|")
            if starts and 10 <= len(caption) <= 160 and any(map(str.isalpha, caption)):
                yield Made(f"What are the figures for {_lower(caption)}?", "table")
        for line in lines:
            cells = [cell.strip() for cell in line.strip("| ").split("|")]
            if len(cells) > 2 and len(_words(cells[0])) >= 2 and re.search(r"\d", line):
                yield Made(f"How much was {_lower(cells[0])}?", "table")
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
        """Sentences with words that few passages hold, the rarest first."""
        low, high = SENTENCE_CHARS
        found = [
            " ".join(passage.text[a:b].split())
            for a, b in sentences.split(passage.text)
            if low <= b - a <= high
        ]
        found = [sentence for sentence in found if _is_prose(sentence)]
        return sorted(found, key=self._rarity, reverse=True)

    def _rarity(self, text: str) -> float:
        words = {word.casefold() for word in _words(text)}
        return sum(map(self._idf, words)) / math.sqrt(len(words) + 1)

    def _idf(self, word: str) -> float:
        return math.log(1 + self._count / (1 + self._holders[word.casefold()]))

    def _phrases(self, text: str) -> list[str]:
        """Runs of telling words that stand together elsewhere too; the most telling first."""
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


_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_TIME = re.compile(
    r"\b(?:in|during|as of|for the (?:\w+ )?(?:year|years|quarter|months|period)s? ended|since|by)"
    r" (?:(?:fiscal|the year|early|late|mid) )?(?:[A-Z][a-z]+ (?:\d{1,2}, )?)?(?:19|20)\d\d\b"
)
_ANAPHORA = re.compile(
    r"(?:This|That|These|Those|It|They|He|She|Such|However|Therefore|Thus|There|Here|As a result)\b"
)
_LEADING = re.compile(r"^(?:(?:In|For|During|As of|Although|While|If|When|Since)\b[^,]{3,80}, )")
_DEFINITION = re.compile(
    r"(?P<term>(?:The |A |An )?[A-Z“\"][\w’'“”\" -]{2,60}?) (?P<verb>is|are|means|refers to|includes?|consists? of)"
    r" (?:a |an |the |any |all |primarily )?[a-z]"
)
_ABBREVIATION = re.compile(r"\b((?:[A-Z][\w-]+ (?:of |and |for |the )?){1,5}[A-Z][\w-]+) \([“\"]?(?:the [“\"])?([A-Z][A-Z0-9&-]{1,8})[”\"]?\)")  # fmt: skip
_FIGURE = re.compile(
    r"(?P<subject>[A-Z][^.;:()]{4,110}?) (?P<verb>was|were|is|are|totaled|amounted to|reached"
    r"|increased|decreased|grew|rose|fell|declined|accounted for|represented) (?P<rest>.*\d.*)"
)
_EFFECT = re.compile(
    r"(?P<cause>[A-Z][^.;:]{6,110}?) (?:may|could|can|might|would)(?: also)?(?: have (?:an? )?)?"
    r"(?: \w+ly| materially and adversely)? ?(?P<verb>affect|harm|reduce|increase|impact|lead to|result in"
    r"|cause|limit|prevent|delay|damage|require) (?P<object>[^.;:]{5,130})"
)
_STATEMENT = re.compile(r"(?P<who>We|The Company|The authors) (?:also |generally |currently )?(?P<verb>[a-z]+) (?P<rest>[^.;:]{15,220})")  # fmt: skip
_BASE = {
    "increased": "increase", "decreased": "decrease", "grew": "grow", "rose": "rise",
    "fell": "fall", "declined": "decline",
}  # fmt: skip


def _definition(sentence: str) -> Iterator[Made]:
    for whole, short in _ABBREVIATION.findall(sentence):
        yield Made(f"What does {short} stand for?", "definition")
        yield Made(f"What is {whole.strip()}?", "definition")
    match = _DEFINITION.match(sentence)
    if match is None or _ANAPHORA.match(sentence) or len(_words(match["term"])) > 7:
        return
    term = _lower(match["term"].strip('“”" '))
    if match["verb"] in ("is", "are"):
        yield Made(f"What {match['verb']} {term}?", "definition")
    elif match["verb"] in ("means", "refers to"):
        yield Made(f"What is meant by {term}?", "definition")
    else:
        ending = "include" if match["verb"].startswith("include") else "consist of"
        yield Made(f"What does {term} {ending}?", "definition")


def _is_name(term: str) -> bool:
    """Whether a run of words may name something, and is not the beginning of a sentence."""
    words = [word.casefold() for word in _words(term)]
    return (
        1 <= len(words) <= 6
        and not _ANAPHORA.match(term)
        and words[0] not in _NO_NAME
        and _CLAUSE.isdisjoint(words)
    )


_NO_NAME = frozenset(
    [
        "if",
        "when",
        "where",
        "while",
        "what",
        "who",
        "how",
        "under",
        "in",
        "for",
        "on",
        "at",
        "by",
        "as",
        "to",
        "any",
        "all",
        "each",
        "some",
        "many",
        "most",
        "such",
        "we",
        "you",
        "i",
        "he",
        "she",
        "they",
        "no",
        "not",
        "also",
        "and",
        "or",
        "but",
        "because",
        "although",
        "since",
        "with",
        "from",
        "key",
        "other",
    ]
)
_CLAUSE = frozenset(
    [
        "will",
        "shall",
        "may",
        "might",
        "can",
        "could",
        "would",
        "that",
        "which",
        "who",
        "if",
        "when",
        "be",
        "been",
    ]
)


def _is_base_form(verb: str) -> bool:
    """Whether an English verb can follow *do*: as far as its ending tells."""
    return verb not in _AUXILIARIES and not verb.endswith(("ed", "ing"))


_AUXILIARIES = frozenset(
    [
        "are",
        "were",
        "is",
        "was",
        "have",
        "had",
        "has",
        "may",
        "might",
        "can",
        "could",
        "will",
        "would",
        "shall",
        "should",
        "must",
        "do",
        "did",
        "does",
        "cannot",
        "not",
        "made",
        "held",
        "began",
        "paid",
        "sold",
        "took",
        "gave",
        "became",
        "further",
        "then",
        "now",
        "believed",
    ]
)


def _figure(sentence: str) -> Iterator[Made]:
    bare = _LEADING.sub("", sentence)
    match = _FIGURE.match(bare[:1].upper() + bare[1:])
    if match is None or _ANAPHORA.match(match["subject"]):
        return
    time = _TIME.search(sentence)
    when = f" {time.group()}" if time and time.group() not in match["subject"] else ""
    subject, verb = _third(_lower(match["subject"]), "the company"), match["verb"]
    if len(_words(subject)) > 16 or subject.startswith("the company "):
        return
    if verb in _BASE:
        yield Made(f"How much did {subject} {_BASE[verb]}{when}?", "figure")
        if re.search(r"\b(?:due to|because|driven by|attributable to)\b", sentence):
            yield Made(f"Why did {subject} {_BASE[verb]}{when}?", "figure")
    elif verb in ("was", "were", "is", "are"):
        yield Made(f"What {verb} {subject}{when}?", "figure")
    else:
        yield Made(f"How much was {subject}{when}?", "figure")


def _effect(sentence: str) -> Iterator[Made]:
    bare = _LEADING.sub("", sentence)
    match = _EFFECT.match(bare[:1].upper() + bare[1:])
    if match is None or not _is_cause(match["cause"]):
        return
    cause = _third(_lower(match["cause"]), "the company")
    affected = _trim(" ".join(_third(match["object"], "the company").split()[:14]))
    yield Made(f"How could {cause} {match['verb']} {affected}?", "effect")


def _is_cause(text: str) -> bool:
    return not _ANAPHORA.match(text) and _words(text)[0].casefold() not in _NO_NAME - {"any", "we"}


def _third(text: str, speaker: str) -> str:
    """The text as an outsider would say it."""
    text = re.sub(r"\b[Oo]ur\b", f"{speaker}'s", text)
    return re.sub(r"\b(?:[Ww]e|us)\b", speaker, text)


def _lower(text: str) -> str:
    """The text inside a sentence: the first letter small, unless the word is a name or initials."""
    first = text.split(" ", 1)[0]
    function_word = first.lower() in _FUNCTION_WORDS
    return text[:1].lower() + text[1:] if function_word else text


_FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "our",
        "any",
        "all",
        "each",
        "some",
        "many",
        "most",
        "several",
        "other",
        "total",
        "net",
        "gross",
        "other",
        "no",
        "both",
        "new",
    ]
)


def _trim(text: str) -> str:
    """The text without a word that wants another after it."""
    words = text.rstrip(" ,").split()
    while words and words[-1].lower() in _OPEN_ENDS:
        words.pop()
    return " ".join(words).rstrip(" ,")


_OPEN_ENDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "and",
        "or",
        "to",
        "in",
        "for",
        "on",
        "with",
        "by",
        "from",
        "as",
        "at",
        "that",
        "which",
        "our",
        "their",
        "its",
        "is",
        "are",
        "be",
        "may",
        "will",
        "such",
        "including",
        "not",
        "any",
        "this",
        "these",
        "those",
    ]
)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _is_prose(sentence: str) -> bool:
    """Not a row of a table, a running head or a list of numbers."""
    letters = sum(char.isalpha() for char in sentence)
    return letters > 0.5 * len(sentence) and "|" not in sentence
