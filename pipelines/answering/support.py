"""
Holds each sentence of a written answer against the passages.

Pure. A citation that points at the wrong passage, or at none, is pointed at the one that clearly
supports its sentence. A sentence that no passage supports is named, so that it can be shown as such.
Only what is clear is changed or named: words that are merely put differently prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.answering import cite
from pipelines.answering.cite import Aligner
from pipelines.search.evidence import is_common, is_german
from pipelines.store.hits import Hit
from pipelines.text import sentences
from pipelines.text.clean import language
from pipelines.text.terms import terms

# A passage supports a sentence clearly if one place of it holds this share of the sentence's
# weight, and so much more than the passage that is cited.
CLEAR, MARGIN = 0.65, 0.25
# A sentence of which no passage holds this share is not supported.
HELD = 0.25
# Shorter sentences say too little to be judged.
FEWEST_WORDS = 3

_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)]|#{1,6})\s+")


def correct(text: str, aligner: Aligner, count: int) -> tuple[str, int]:
    """
    Point citations at the passages that support their sentences.

    :param count: Number of passages.
    :returns: The text, and the number of citations that were corrected.
    """
    made, done, corrected = [], 0, 0
    for start, end in sentences.split(text):
        sentence = text[start:end]
        new = _corrections(sentence, aligner, count)
        corrected += len(new)
        made += [text[done:start], cite.repointed(sentence, new)]
        done = end
    return "".join([*made, text[done:]]), corrected


def _corrections(sentence: str, aligner: Aligner, count: int) -> dict[int, int]:
    cited = cite.numbers(sentence)
    claim = _claim(sentence)
    if not cited or not _says_something(claim) or not count:
        return {}
    scores = {number: aligner.score(claim, number) for number in range(1, count + 1)}
    best = max(scores, key=lambda number: scores[number])
    if scores[best] < CLEAR or best in cited:
        return {}
    return {number: best for number in cited if scores.get(number, 0.0) <= scores[best] - MARGIN}


def unsupported(text: str, aligner: Aligner, hits: Sequence[Hit]) -> list[int]:
    """
    The sentences that no passage supports, by their place among all sentences of the text.

    An answer in another language than the passages cannot be judged by its words.
    """
    plain = cite.bare(text)
    spoken = language(plain) or ("de" if is_german(plain) else "en")
    if not any(hit.language == spoken for hit in hits):
        return []
    found = []
    for number, (start, end) in enumerate(sentences.split(text)):
        claim = _claim(text[start:end])
        if claim.endswith(":") or "|" in claim or not _says_something(claim):
            continue
        if not aligner.has_figures(claim) or aligner.coverage(claim) < HELD:
            found.append(number)
    return found


def spans(text: str, numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Where the sentences with these places among all sentences of the text stand."""
    every = list(sentences.split(text))
    return tuple(every[number] for number in numbers if number < len(every))


def _claim(sentence: str) -> str:
    return cite.bare(_LIST_MARK.sub("", sentence)).rstrip(" .")


def _says_something(claim: str) -> bool:
    own = {term for term in terms(claim, None) if not is_common(term)}
    return len(own) >= FEWEST_WORDS
