"""
"Did you mean ...?": a question with its misspelt words replaced by words that the documents hold.

Only words of the collections that are searched are suggested, so nobody reads a word of a document
that is closed to them. The work is bounded, whatever the size of the library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from pipelines.search import dictionary
from pipelines.search.evidence import is_common, is_german
from pipelines.store import postings, scope
from pipelines.store.db import Connection
from pipelines.store.scope import Selection, Within
from pipelines.text.other_names import ASKING, of_question, of_word
from pipelines.text.stop_words import spoken, stop_words
from pipelines.text.terms import question_terms, terms

MOST_SUGGESTIONS = 3
# Misspelt words of one question, and the length of words that are looked at.
MOST_WORDS = 4
SHORTEST, LONGEST = 3, 24
# A word this long may have two faults. Shorter ones have one.
LONG = 6
# A shorter word is not replaced without asking.
SUREST = 5
# Terms of the documents with the same beginning that are compared, and those whose text is read.
MOST_TERMS, MOST_READ = 2000, 40

# Words of questions, which documents need not hold.
_ASKING_WORDS = (
    "any anything big called compare compared cost costs count describe difference does exactly"
    " explain far find give happen happened have high kind large last list long made make many mean"
    " means mention mentioned mentions much must name need often old outline show small something"
    " summarise summarize tall tell thing type use used versus want well work works year bedeutet"
    " erkläre erwähnen erwähnt finde gibt heißt kostet lange nenne unterschied vergleich vergleiche"
    " viel viele zeige zusammen"
)
_ASKING = frozenset(_ASKING_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßéèàçñ"


def suggestions(conn: Connection, question: str, collections: Within | None = None) -> list[str]:
    """
    The question as it may have been meant, likeliest first. Empty if no word looks misspelt.

    :param collections: Only their words. If None, those open to everybody.
    """
    searched = scope.selected(scope.readable(conn) if collections is None else collections)
    languages = postings.languages(conn)
    unknown = list(_unknown(conn, question, searched, languages))[:MOST_WORDS]
    meant = {word: _near(conn, word, searched, languages) for word in unknown}
    known = {word: words for word, words in meant.items() if words}
    made = []
    for words in product(*known.values()):
        made.append(_replaced(question, dict(zip(known, words, strict=True))))
    return [text for text in dict.fromkeys(made) if text != question][:MOST_SUGGESTIONS]


def corrected(conn: Connection, question: str, collections: Within | None = None) -> str | None:
    """
    The question as it was most likely meant, to be searched without asking back.

    None if no word looks misspelt, or if a word may rather be a name, or is too short to be sure.
    """
    meant = next(iter(suggestions(conn, question, collections)), None)
    if meant is None:
        return None
    pairs = zip(_WORD.findall(question), _WORD.findall(meant), strict=True)
    changed = [(typed, word) for typed, word in pairs if typed != word]
    first = _WORD.search(question)
    sure = all(
        (len(typed) >= SUREST or word.casefold() in ASKING)
        and (typed.islower() or is_german(question) or typed == (first and first.group()))
        for typed, word in changed
    )
    return meant if sure and changed else None


def _replaced(question: str, meant: Mapping[str, str]) -> str:
    """The question with other words, each with the capitals of what was typed."""
    return _WORD.sub(lambda match: _like(meant.get(match[0], match[0]), match[0]), question)


def distance(left: str, right: str) -> int:
    """Letters that are wrong, missing, too many or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        last, before, row = before, row, [i]
        for j, b in enumerate(right, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _unknown(
    conn: Connection, question: str, searched: Selection, languages: Sequence[str]
) -> Iterator[str]:
    """The words of a question that no passage searched holds, and that are not of its language."""
    asking = " ".join(found for found, _ in of_question(question))
    words = [
        word
        for word in dict.fromkeys(_WORD.findall(question))
        if SHORTEST <= len(word) <= LONGEST
        and not is_common(word.casefold())
        and word.casefold() not in _ASKING | ASKING
        and not of_word(word.casefold())
        and word not in asking
    ]
    forms = {word: _forms(word, languages) for word in words}
    held = postings.texts_with(conn, {form for of in forms.values() for form in of}, searched)
    if not (unknown := [word for word in words if not held.keys() & forms[word]]):
        return
    real = dictionary.words(spoken(question))
    for word in unknown:
        small = word.casefold()
        if small not in real or any(_is_swapped(small, other) for other in stop_words()):
            yield word


def _near(conn: Connection, typed: str, searched: Selection, languages: Sequence[str]) -> list[str]:
    """The words that somebody may have meant, at most two, all equally near."""
    word = typed.casefold()
    most = 2 if len(word) >= LONG else 1
    if function_words := [other for other in stop_words() if _is_swapped(word, other)]:
        return function_words[:1]
    if len(word) <= SHORTEST:
        return []
    likely = {form for edit in _edits(word) for form in _forms(edit, languages)}
    starts = {word[:2], word[:3]} if len(word) >= LONG else {word[:2]}
    same_start = {t for start in starts for t in postings.terms_beginning(conn, start, MOST_TERMS)}
    stems = _forms(word, languages)
    close = [t for t in same_start if min(distance(t, s) for s in stems) <= most]
    likely.update(sorted(close, key=lambda t: (distance(t, word), t))[:MOST_READ])
    texts = postings.texts_with(conn, likely, searched)
    # A word that questions ask with is likelier than one of the documents.
    found: dict[str, float] = {
        other: far - 0.5 for other in ASKING if (far := distance(word, other)) <= most
    }
    for term, text in texts.items():
        for other in _spelt(term, text, languages):
            if (far := distance(word, other)) <= most and not _is_other(word, other):
                found[other] = min(far, found.get(other, far))
    nearest = min(found.values(), default=0)
    best = [other for other, far in found.items() if far == nearest]
    return sorted(best, key=lambda other: (other[0] != word[0], abs(len(other) - len(word))))[:2]


def _forms(word: str, languages: Sequence[str]) -> frozenset[str]:
    """The terms that a word may be in the documents."""
    return frozenset(form for group in question_terms(word, languages) for form in group)


def _spelt(term: str, text: str, languages: Sequence[str]) -> Iterator[str]:
    """The words of a passage that a term stands for."""
    for word in dict.fromkeys(_WORD.findall(text.casefold())):
        if word[:1] == term[:1] and any(term in terms(word, of) for of in (None, *languages)):
            yield word


def _edits(word: str) -> Iterator[str]:
    """The words that one fault leads to."""
    for at in range(len(word) + 1):
        start, rest = word[:at], word[at:]
        if rest:
            yield start + rest[1:]
        if len(rest) > 1:
            yield start + rest[1] + rest[0] + rest[2:]
        for letter in _LETTERS:
            yield start + letter + rest
            if rest:
                yield start + letter + rest[1:]


def _is_swapped(word: str, other: str) -> bool:
    """Whether two words are the same but for two letters that changed places."""
    return word != other and sorted(word) == sorted(other) and distance(word, other) == 1


def _is_other(word: str, other: str) -> bool:
    """Whether a short word is rather another one: *many* is not *may*, but *fery* is *ferry*."""
    return len(word) <= 4 and len(other) <= len(word) and not _is_swapped(word, other)


def _like(word: str, typed: str) -> str:
    """A word with the capitals of what was typed."""
    if len(typed) > 1 and typed.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if typed[:1].isupper() else word
