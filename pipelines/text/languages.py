"""
The languages of a document's chunks, and whether an encoder knows them.

Pure except for the language identifier's model file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.text.clean import language

# Samples of a document whose languages are compared: their length, their least and greatest number,
# and the distance between their starts within these limits.
SAMPLE_CHARS = 300
SAMPLES = 4, 12
SAMPLE_STEP = 2400
# Suggested base model for documents in a language that the default one does not know.
MULTILINGUAL = "intfloat/multilingual-e5-small"
# Characters that are enough to identify the language of passages.
LANGUAGE_SAMPLE = 20_000
# Fewer letters of plain words are too few to judge.
LEAST_LETTERS = 50
# A word without digits, and not part of a number or an address.
_WORD = re.compile(r"(?<![\w/%@.#&=+-])[^\W\d_]+(?![\w/%@#&=+-])")
_WIDE = re.compile("[\u3040-\u9fff\uac00-\ud7a3]")


def of_document(text: str, chunks: Sequence[str]) -> tuple[str | None, list[str | None]]:
    """
    The language of a document, and the language of each of its chunks.

    Chunks get the document's language unless samples of the document differ. Identifying a chunk's
    language takes as long as embedding one of its windows.
    """
    fewest, most = SAMPLES
    step = max(SAMPLE_CHARS, min(SAMPLE_STEP, len(text) // fewest), len(text) // most)
    samples = [language(text[i : i + SAMPLE_CHARS]) for i in range(0, len(text), step)]
    found = set(samples) - {None}
    if len(found) == 1 and samples.count(None) < len(samples) // 2:
        (whole,) = found
        return whole, [whole] * len(chunks)
    most_of_it = language(text)
    if len(found) < 2:
        return most_of_it, [most_of_it] * len(chunks)
    return most_of_it, [language(chunk[: 2 * SAMPLE_CHARS]) or most_of_it for chunk in chunks]


def language_of_most(passages: Iterable[str]) -> str | None:
    """The ISO 639-1 code of the passages' main language, or None if it is unclear."""
    return language("\n".join(passage[:400] for passage in passages)[:LANGUAGE_SAMPLE])


def reads(text: str, starts: NDArray[np.int64]) -> bool:
    """
    Whether an encoder's vocabulary covers a text, by the number of tokens per letter of its words.

    A vocabulary made for a language needs one token per four letters or so. Another one cuts words
    into single letters, or replaces them by one unknown token. Covered Chinese and Japanese text
    has about one token per character. Numbers, codes and addresses are cut into many tokens by
    every vocabulary and are ignored.

    :param starts: Positions where the encoder's tokens begin. *Shape:* ``(t,)``
    :returns: Also True if there are too few words to judge.
    """
    every = sum(map(str.isalpha, text))
    if not text.isascii() and len(_WIDE.findall(text)) > every / 2:
        return every < LEAST_LETTERS or len(starts) / every < 0.9
    words = [word.span() for word in _WORD.finditer(text)]
    letters = sum(end - start for start, end in words)
    if letters < LEAST_LETTERS:
        return True
    inside = np.zeros(len(text) + 1, dtype=bool)
    for start, end in words:
        inside[start:end] = True
    share = float(inside[starts].sum()) / letters
    return 0.1 < share < 0.55
