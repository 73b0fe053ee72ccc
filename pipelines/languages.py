"""
The languages of a document's chunks, and whether an encoder reads them.

Pure, but for the language identifier's model file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.text import language

# Pieces of a document whose languages are compared: so long, at least and at most so many, and
# between these numbers so far apart.
SAMPLE_CHARS = 300
SAMPLES = 4, 12
SAMPLE_STEP = 2400
# What to start from where the documents are in a language that the base model does not read.
MULTILINGUAL = "intfloat/multilingual-e5-small"
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


def reads(tokens: int, text: str) -> bool:
    """
    Whether an encoder's vocabulary covers a text, by how many tokens its letters take.

    A vocabulary made for a language needs a token for some four letters. One that was not cuts
    it into single letters, or takes whole words for one unknown token. Chinese and Japanese
    have about a token a character where they are covered.

    :param tokens: Of the text, by the encoder's tokenizer.
    """
    letters = sum(map(str.isalpha, text))
    if letters < 50:
        return True
    share = tokens / letters
    if not text.isascii() and len(_WIDE.findall(text)) > letters / 2:
        return share < 0.9
    return 0.1 < share < 0.55
