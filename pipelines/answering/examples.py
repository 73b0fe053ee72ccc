"""
Questions to start with, as a person would ask them, made from what documents hold: questions and
topics in their headings, terms that they define, captions, and rows of their tables.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from operator import itemgetter

from pipelines.store import document_passages, scope
from pipelines.store.db import Connection
from pipelines.store.document_passages import Excerpt
from pipelines.store.scope import Within

MOST = 4
LONGEST_TOPIC, LONGEST_QUESTION = 60, 110
# What is looked at: so many of the newest documents, and so many passages of each.
DOCUMENTS, PASSAGES = 8, 40
KEPT = 64
# Of questions beside an answer. Worse ones ask what one should know about a topic.
WORST_RANK = 2


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(text.split(", "))


# Headings that say where one is in a document, not what it is about.
_PLACES = _phrases(
    "abstract, acknowledgements, acknowledgments, annex, appendices, appendix, background,"
    " bibliography, changelog, conclusion, conclusions, contents, copyright, disclaimer, exhibits,"
    " external links, foreword, further reading, general, glossary, in this section, index,"
    " introduction, keywords, legal notice, list of figures, list of tables, long description,"
    " miscellaneous, next steps, notes, notice, operations, other, overview, preamble, preface,"
    " purpose, references, related links, release notes, remarks, reserved, revision history,"
    " see also, short description, signatures, source, sources, summary, table of contents"
)
# What a document calls itself.
_OWN_TITLES = _words(
    "agenda catalogue document form guide handbook leaflet manual memo minutes paper"
    " presentation report spreadsheet table"
)
# A topic that begins or ends with one of these was cut off.
_HANGING = _words(
    "a an and are as at be but by for from has have in into is its of on or our that the their to"
    " was were which who will with your this these those"
)
_SMALL = _HANGING | _words("about after before between during over per than under versus via")
_IMPERATIVES = _words(
    "add adjust apply build calculate call cancel change charge check choose clean configure"
    " connect contact copy create delete deploy disable download edit enable export file find"
    " format get import insert install load make manage measure migrate move open order pay prepare"
    " print register remove rename repair replace report request reset restart restore return run"
    " save schedule search select send set share start stop store submit switch test train transfer"
    " uninstall unlock update upgrade upload use write"
)
_SINGULAR_HEADS = _words(
    "address allowance amount budget capacity cause composition cost date deadline definition difference"
    " duration duty effect etymology fee goal history impact length limit meaning method number"
    " objective origin outcome percentage period policy population price probability procedure"
    " process rate reason requirement responsibility role salary schedule scope speed status"
    " strategy structure temperature term threshold timeline torque value warranty weight"
)
_PRONOUNS = _words(
    "all another any both each everyone example figure he her here his however i it many most much"
    " no none note one other our page section she some such table that the there these they this"
    " those we what which who you your"
)
_ASKING = _words("to who what which how")
# After a question word they begin a clause, not a question: "What the lamps say".
_OF_CLAUSES = _words("a an he i it our she the their these they this those we you your")
_CODES = _words("code date page rank size year id")
_NOT_PLURAL = re.compile(r"(?i)(?:ss|us|is|ics|news|series|as|os)$")
# "Item 1A.", "Chapter 3 -", "2.1.3", "A.", "(b)" before a topic; page numbers and dots after it.
_NUMBERING = re.compile(
    r"(?i)^(?:(?:item|chapter|section|part|article|appendix|annex|figure|table|step|sheet|page"
    r"|note|exhibit)\s+(?:\d[\d.]*[a-z]?|[ivxlc]+|[a-z])\b[\s.:)–—-]*"
    r"|\(?(?:\d+(?:\.\d+)*|[a-z])[.)]+\s+|\d+(?:\.\d+)+\s+|\d+\s*[–—:-]\s+)+"
)
_ARTICLE = re.compile(r"^(?:The|An?) (?=\w)")
_TAIL = re.compile(r"[\s.·…_]{2,}\d+$|\s*\(continued\)$|[\s:;,#*–—-]+$")
_PLAIN = re.compile(r"[^\W\d_][\w'’/&,-]*(?: [\w'’/&,-]+)*")
_LETTER, _LATIN = re.compile(r"[^\W\d_]"), re.compile(r"[A-Za-zÀ-ɏ]")
_QUESTION_WORD = re.compile(
    r"(?i)^(?:who|whom|whose|what|when|where|why|which|how|can|could|may|must|should|do|does|did|is"
    r"|are|was|were|will|would|has|have)\b"
)
_DEFINED = re.compile(
    r"(?:^|[.!?]\s+|\n)(?=[A-Z])((?:An? |The )?)([\w-]+(?: [a-z][\w-]+){0,3}|[\w-]+(?: [A-Z][\w-]+)+)"
    r" (?:is an?|refers to|means|is defined as) [a-z]"
)
_CAPTION = re.compile(r"(?:^|\n)(Table|Figure|Fig\.|Chart) \d[\d.]*\s*[.:–—-]\s*([^\n|]{8,90})")
# A numbered line above running text, in a document whose headings are not marked as such.
_NUMBERED_LINE = re.compile(r"(?:^|\n)\d[\d.]*\s+([A-Z][^\n]{4,60})\n+(?=[A-Z][^\n]{40,})")
_TITLE_LINE = re.compile(r"(?m)^[^\n]{1,80}(?<![.!?:;,])$")
_NAME_INSIDE = re.compile(r"(?<=[a-z,;] )[A-Z][\w'’-]+")
_FIELD = re.compile(r"(?:^|; )([^:;\n]{3,40}): ([^;\n]{1,60})")
_NUMBER = re.compile(r"[$€£]?\d[\d.,]*\s?%?")
_LABEL = re.compile(r"[A-Za-z][A-Za-z ,&'()-]{3,39}")


# By the ids of the documents: what is indexed never changes under its id.
_kept: OrderedDict[tuple[int, ...], list[str]] = OrderedDict()


def starters(conn: Connection, collections: Within) -> list[str]:
    """
    Questions to start with, of the newest documents.

    :param collections: The documents of these, as `scope.readable` tells them, or a selection.
    """
    ids = document_passages.newest(conn, scope.selected(collections), DOCUMENTS)
    if ids not in _kept:
        _kept[ids] = suggest(document_passages.excerpts(conn, ids, PASSAGES))
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return _kept[ids]


def suggest(excerpts: Iterable[Excerpt], *, most: int = MOST) -> list[str]:
    """
    Example questions: one from each document in turn, in the order of the documents, the best first.

    :param excerpts: Of a document in reading order.
    """
    documents: dict[int, list[Excerpt]] = {}
    for excerpt in excerpts:
        documents.setdefault(excerpt.document_id, []).append(excerpt)
    rounds = zip_longest(*(_of_document(found) for found in documents.values()))
    questions = dict.fromkeys(question for row in rounds for question in row if question)
    return list(questions)[:most]


def of_passages(excerpts: Sequence[Excerpt]) -> list[str]:
    """The best question of each passage that has a good one, in their order."""
    spelling = _Spelling("\n".join(excerpt.lead for excerpt in excerpts))
    best = (min(_of_excerpt(excerpt, spelling), default=None) for excerpt in excerpts)
    good = (found[1] for found in best if found is not None and found[0] <= WORST_RANK)
    return list(dict.fromkeys(question for question in good if len(question) <= LONGEST_QUESTION))


def _of_document(excerpts: Sequence[Excerpt]) -> list[str]:
    """The questions of a document, best first."""
    spelling = _Spelling("\n".join(excerpt.lead for excerpt in excerpts))
    headings = {excerpt.heading for excerpt in excerpts if excerpt.heading}
    first = next((excerpt.heading for excerpt in excerpts if excerpt.heading), "")
    if not headings:
        excerpts = [found for excerpt in excerpts for found in _with_lines(excerpt)]
    elif len(headings) > 1 and " > " not in first:  # mostly the document's own title
        excerpts = [excerpt for excerpt in excerpts if excerpt.heading != first]
    ranked = [
        (rank, question)
        for excerpt in excerpts
        for rank, question in _of_excerpt(excerpt, spelling)
        if len(question) <= LONGEST_QUESTION
    ]
    ranked.sort(key=itemgetter(0))
    return list(dict.fromkeys(question for _, question in ranked))


def _with_lines(excerpt: Excerpt) -> Iterator[Excerpt]:
    """An excerpt without a heading, and each line of it that looks like one."""
    yield excerpt
    for line in _NUMBERED_LINE.findall(excerpt.lead):
        yield replace(excerpt, heading=line, lead="")


def _of_excerpt(excerpt: Excerpt, spelling: _Spelling) -> Iterator[tuple[int, str]]:
    """Questions with their rank, 0 the best."""
    topic = _topic(excerpt.heading or "")
    if topic.endswith(("?", "？")) and len(topic) > 7:
        yield 0, topic
        return
    if excerpt.language not in (None, "en"):
        return  # what is put together below is English
    if _is_topic(topic):
        yield _about(spelling.inside(topic), spelling)
    for article, found in _DEFINED.findall(excerpt.lead):
        if _is_term(term := spelling.inside(found)) and article != "The ":
            yield 2, f"What is {article.lower()}{term}?"
    for kind, caption in _CAPTION.findall(excerpt.lead):
        title = _TAIL.sub("", caption).rstrip(". ")
        if _is_topic(title):
            yield 2, f"What does the {'table' if kind == 'Table' else 'figure'} “{title}” show?"
    for question in _of_table(excerpt.lead):
        yield 4, question


def _topic(heading: str) -> str:
    """The last level of a heading path without its numbering."""
    words = " ".join(heading.split(" > ")[-1].split()).strip("#*_ ")
    topic = _TAIL.sub("", _NUMBERING.sub("", words)).strip("“”\"'‘’ ")
    bare = _ARTICLE.sub("", topic)
    return topic if topic.endswith("?") or bare == topic else bare[0].upper() + bare[1:]


def _is_topic(topic: str) -> bool:
    """Whether it names something: no place in the document, no fragment, no whole sentence."""
    words = topic.lower().split()
    letters = len(_LETTER.findall(topic))
    return (
        5 <= len(topic) <= LONGEST_TOPIC
        and len(words) <= 8
        and len(_LATIN.findall(topic)) == letters >= 0.6 * len(topic)
        and _PLAIN.fullmatch(topic) is not None
        and not topic[0].islower()
        and topic.lower() not in _PLACES
        and not any(word.isdigit() or word == "-" for word in words)
        and words[0] not in (_HANGING | _PRONOUNS) - _ASKING | {"let's", "let’s"}
        and words[-1] not in _HANGING | _OWN_TITLES
        and not (words[0] in _ASKING and words[1:] and words[1] in _OF_CLAUSES)
    )


def _is_term(term: str) -> bool:
    """Whether it can be asked what it is. A name of one or two words may be a person's."""
    words = term.split()
    small = {word.lower() for word in words}
    is_name = all(word[0].isupper() and not word.isupper() for word in words) and len(words) < 3
    return len(term) >= 4 and not is_name and not small & (_PRONOUNS | _HANGING - {"of"})


def _about(topic: str, spelling: _Spelling) -> tuple[int, str]:
    """A question about a topic as it stands inside a sentence, with its rank."""
    first = (words := topic.split())[0].lower()
    if first == "to" and len(words) > 2:
        return 1, f"How do I {' '.join(words[1:])}?"
    if first == "how" and words[1:2] == ["to"]:
        return 1, f"How do I {' '.join(words[2:])}?"
    if _QUESTION_WORD.match(topic) and len(words) > 2:
        return 1, f"{topic[0].upper()}{topic[1:]}?"
    if first in _IMPERATIVES and len(words) > 1 and words[1] in ("the", "a", "an", "your"):
        return 1, f"How do I {topic}?"
    # In "causes of the accident" the noun that counts stands before the preposition.
    cut = next((n for n, word in enumerate(words) if n and word in _SMALL - {"and"}), len(words))
    head = words[cut - 1].lower()
    rank = 2 if len(words) > 1 else 3
    if head in _SINGULAR_HEADS:
        return rank, f"What is the {topic}?"
    is_plural = head.endswith("s") and not _NOT_PLURAL.search(head) and not first.endswith("ing")
    if is_plural and len(words) > 1 and "," not in topic and "and" not in words:
        return rank, f"What are the {topic}?"
    article = "the " if f" the {topic.lower()} " in spelling.running else ""
    return rank + 1, f"What should I know about {article}{topic}?"


class _Spelling:
    """Which words a document writes with a capital inside its sentences, and its running words."""

    def __init__(self, text: str) -> None:
        running = _TITLE_LINE.sub("", text)
        self._small = {word for word in re.findall(r"[^\W\d_][\w'’-]*", running) if word.islower()}
        self._names = set(_NAME_INSIDE.findall(running))
        self.running = " ".join(["", *re.findall(r"\w+", running.lower()), ""])

    def inside(self, topic: str) -> str:
        """The topic as it would stand inside a sentence."""
        shouted = topic.isupper() and len(topic) > 6
        return " ".join(self._word(word, shouted=shouted) for word in topic.split())

    def _word(self, word: str, *, shouted: bool) -> str:
        bare = word.strip("(),’'")
        name = bare.capitalize() if shouted else bare
        if name in self._names and name.lower() not in self._small:
            return word.capitalize() if shouted else word
        is_acronym = not shouted and len(bare) > 1 and not bare[1:].islower()
        return word if is_acronym else word.lower()


def _of_table(lead: str) -> Iterator[str]:
    """A question about a row of a table, which the readers write as names with their values."""
    for line in lead.splitlines():
        fields = _FIELD.findall(line)
        labels = [value for _, value in fields if _is_label(value)]
        numbers = [
            name.replace("_", " ").lower()
            for name, value in fields
            if _NUMBER.fullmatch(value) and _is_label(name.replace("_", " "))
        ]
        if labels and numbers and len(fields) > 1:
            label = labels[0].title() if labels[0].isupper() else labels[0]
            named = [name for name in numbers if name.split()[-1] in _SINGULAR_HEADS]
            if named or not numbers[0].endswith("s"):
                yield f"What is the {(named or numbers)[0]} of {label}?"
            else:
                yield f"How many {numbers[0]} does {label} have?"
            return


def _is_label(cell: str) -> bool:
    return _LABEL.fullmatch(cell) is not None and not _CODES & set(cell.lower().split())
