"""The words of a question as the postings weigh them."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.store.db import Connection
from pipelines.store.postings import EVERY_CHUNK, Frequency, Terms, frequencies, languages
from pipelines.text.scoring.words import MOST_WORDS, other_forms, weights
from pipelines.text.terms import question_terms

# Postings read to find candidates. Commoner words count only in chunks that rarer ones found.
POSTINGS_READ = 6_000


def question(conn: Connection, text: str) -> Terms:
    """
    The words of a question with their current weights.

    A word that no chunk contains is searched by its other names, and a small word of a question in
    German, French or Spanish weighs little, however few chunks are in that language.
    """
    groups = question_terms(text, languages(conn), most=MOST_WORDS)
    counts = frequencies(conn, [EVERY_CHUNK, *(form for group in groups for form in group)])
    every = counts[EVERY_CHUNK]
    _add_other_names(conn, groups, counts)
    holding = [sum(counts[form].chunks for form in group) for group in groups]
    word: dict[str, int] = {}
    rare: list[str] = []
    budget = POSTINGS_READ
    for number in sorted(range(len(groups)), key=holding.__getitem__):
        present = [form for form in groups[number] if counts[form].chunks]
        word.update(dict.fromkeys(present, number))
        if present and (not rare or holding[number] <= budget):
            rare.extend(present)
            budget -= holding[number]
    weighed = weights(text, groups, holding, every.chunks)
    return Terms(word, weighed, rare, every.mean_length or 1.0, every.chunks)


def _add_other_names(
    conn: Connection, groups: Sequence[list[str]], counts: dict[str, Frequency]
) -> None:
    """Add to each word of a question that no chunk contains the other names for it."""
    known = {form for group in groups for form in group}
    for group in groups:
        if any(counts[form].chunks for form in group):
            continue
        if forms := other_forms(group, languages(conn), known):
            counts.update(frequencies(conn, forms))
            group.extend(forms)
