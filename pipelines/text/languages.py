"""
The languages of a document's chunks, and whether an encoder reads them.

Pure, but for the language identifier's model file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.text.clean import language

# Pieces of a document whose languages are compared: so long, at least and at most so many, and
# between these numbers so far apart.
SAMPLE_CHARS = 300
SAMPLES = 4, 12
SAMPLE_STEP = 2400
# What to start from where the documents are in a language that the base model does not read.
MULTILINGUAL = "intfloat/multilingual-e5-small"
# Enough of the passages to tell their language.
LANGUAGE_SAMPLE = 20_000
# In fewer letters of plain words nothing can be told.
LEAST_LETTERS = 50
# A word without digits in it or at its ends, and no part of an address.
_WORD = re.compile(r"(?<![\w/%@.#&=+-])[^\W\d_]+(?![\w/%@#&=+-])")
_WIDE = re.compile("[\u3040-\u9fff\uac00-\ud7a3]")


def of_document(text: str, chunks: Sequence[str]) -> tuple[str | None, list[str | None]]:
    """
    The language of a document and of each of its chunks: the document's, unless samples of it
    differ. To tell a chunk's takes as long as embedding a window of it.
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
    """The language that most of the text is in, ISO 639-1; None: not told."""
    return language("\n".join(passage[:400] for passage in passages)[:LANGUAGE_SAMPLE])


def reads(text: str, starts: NDArray[np.int64]) -> bool:
    """
    Whether an encoder's vocabulary covers a text, by how many tokens the letters of its words take.

    A vocabulary made for a language needs a token for some four letters. One that was not cuts
    it into single letters, or takes whole words for one unknown token. Chinese and Japanese
    have about a token a character where they are covered. Numbers, codes and addresses are cut
    into many tokens by every vocabulary, and tell nothing.

    :param starts: Where the tokens of the text begin, by the encoder's tokenizer.
    :returns: True as well where there are too few words to tell.
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
