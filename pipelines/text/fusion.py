"""Two views of the same candidates made one score. Pure: arrays in, an array out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

# Deviation of the cosines among a question's candidates that the weight is meant for. Models
# differ in it (0.1 for MiniLM, half of that for others) and are brought to it.
SPREAD = 0.1
# Below this the cosines say little: the language is one the model does not read, or all
# candidates are alike. They are not blown up further, so that the words decide.
LEAST_SPREAD = 0.05


# Tokens a letter that a vocabulary made for the language takes at most, and those of one that
# knows hardly more of it than its letters.
READ, UNREAD = 0.5, 0.8
FEWEST_LETTERS = 8


def trust(text: str, tokens: int) -> float:
    """
    How far an encoder's word on a question counts, 0 to 1, by how its tokenizer cuts the text.

    Scripts with a character a syllable or word have a token for each and are not judged.
    """
    letters = [char for char in text if char.isalpha()]
    wide = sum("\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" for char in letters)
    if len(letters) < FEWEST_LETTERS or wide > len(letters) / 2:
        return 1.0
    return min(1.0, max(0.0, (UNREAD - tokens / len(letters)) / (UNREAD - READ)))


def fuse(cosines: Scores, lexical: Scores, weight: float, trust: float = 1.0) -> Scores:
    """
    One score per candidate.

    Unlike ranks and z-scores it keeps how sure each side is: where BM25 has one clear match, or
    none at all, that shows. Chosen on the train questions of finance_10k and covid_qa.

    :param cosines: Exact for every candidate, whichever side brought it in.
    :param lexical: 0 to 1, exact for every candidate as well.
    :param weight: Share of the lexical side, 0 to 1.
    :param trust: What is left of the other side's share where the encoder cannot read the question.
    """
    scale = trust * SPREAD / max(float(cosines.std()), LEAST_SPREAD)
    return (1 - weight) * scale * cosines + weight * lexical
