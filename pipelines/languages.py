"""
The languages of a document's chunks, and whether an encoder reads them.

Pure, but for the language identifier's model file.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.encoder import Encoder
from pipelines.text import language

# Pieces of a document whose languages are compared: so long, at least and at most so many, and
# between these numbers so far apart.
SAMPLE_CHARS = 300
SAMPLES = 4, 12
SAMPLE_STEP = 2400
# What to start from where the documents are in a language that the base model does not read.
MULTILINGUAL = "intfloat/multilingual-e5-small"


def of_chunks(chunks: Sequence[str], document: str, whole: str | None) -> list[str | None]:
    """
    The language of each chunk: the document's, unless samples of that differ. To tell a chunk's
    takes as long as embedding a window of it.

    :param whole: The document's.
    """
    fewest, most = SAMPLES
    step = max(SAMPLE_CHARS, min(SAMPLE_STEP, len(document) // fewest), len(document) // most)
    found = {language(document[i : i + SAMPLE_CHARS]) for i in range(0, len(document), step)}
    if len(found - {None}) < 2:
        return [whole] * len(chunks)
    return [language(chunk[: 2 * SAMPLE_CHARS]) or whole for chunk in chunks]


def reads(encoder: Encoder, text: str) -> bool:
    """
    Whether an encoder's vocabulary covers a text, by how many tokens its letters take.

    A vocabulary made for a language needs a token for some four letters. One that was not cuts
    it into single letters, or takes whole words for one unknown token. Chinese and Japanese
    have about a token a character where they are covered.
    """
    letters = sum(map(str.isalpha, text))
    if letters < 50:
        return True
    wide = sum("\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" for char in text)
    share = len(encoder.token_offsets([text])[0]) / letters
    if wide > letters / 2:
        return share < 0.9
    return 0.1 < share < 0.55
