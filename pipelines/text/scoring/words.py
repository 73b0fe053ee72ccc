"""How much the words of a question count, by how many passages hold them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.text import other_names
from pipelines.text.german import parts
from pipelines.text.scoring.bm25 import idf
from pipelines.text.stop_words import is_small, spoken
from pipelines.text.terms import question_terms

# More words of a question cost time and add nothing.
MOST_WORDS = 64
# The most that a small word of another language than English weighs.
SMALL_WORD = 0.5


def other_forms(
    group: Sequence[str], languages: Sequence[str], known: Collection[str]
) -> list[str]:
    """
    The forms of a word's other names, for one that no passage contains.

    :param group: The word's own forms.
    :param known: Forms of the question's words, which are left out.
    """
    names = {name for form in group for name in (*other_names.of_word(form), *parts(form)[-1:])}
    if not names:
        return []
    found = {form for forms in question_terms(" ".join(sorted(names)), languages) for form in forms}
    return sorted(found.difference(known))


def weights(
    question: str, groups: Sequence[Sequence[str]], holding: Sequence[int], passages: int
) -> NDArray[np.float64]:
    """
    The idf of each word. A small word of a question in German, French or Spanish weighs little,
    however few passages are in that language.

    :param groups: The forms of each word.
    :param holding: Passages that hold each word.
    :param passages: All passages.
    :returns: *Shape:* ``(words,)``
    """
    found = np.array([idf(passages, chunks) for chunks in holding])
    if (language := spoken(question)) != "en":
        small = [any(is_small(form, language) for form in group) for group in groups]
        found[small] = np.minimum(found[small], SMALL_WORD)
    return found
