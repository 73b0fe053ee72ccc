"""
Whether passages answer a question: by how well the best one fits, and how sure its best part is.

Pure. The fit is of `pipelines/search/threshold.py`. From 1 it is enough by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.answering.extracts import candidates
from pipelines.answering.extracts.candidates import Met
from pipelines.search.evidence import Evidence
from pipelines.store.hits import Hit

# A passage that nearly fits answers if a part of it is a sure answer by words and kind: fit and this
# share of the sureness must come to so much, and to more where a name of the question is absent.
# Chosen on halves a, c, e and f of bench/answers.
NEARLY, SURE_SHARE, ENOUGH, ENOUGH_ABSENT = 0.62, 0.3, 1.0, 1.05
# One that fits less answers if it holds this share of the question's words with the rarest of them,
# no name is absent, and fit and sureness come to so much. Chosen on all halves but b, and on the
# questions of each asked of the documents of the others.
LEAST, HELD, TOGETHER = 0.4, 0.45, 1.2
# Passages that do not answer by these rules may still hold the answer in other words: if they fit so
# far, no name is absent, and a part of one of them meets the question so well by late interaction.
# Chosen on halves i and j, and on the questions of each half asked of the documents of the others.
POSSIBLE, MEETS = 0.6, 0.4


def answers(fit: float | None, weighed: Evidence, question: str, hits: Sequence[Hit]) -> bool:
    """
    Whether the passages answer, by how well the best one fits and how sure its best part is.

    :param fit: None where there is too little text to tell. Then its best part decides, later.
    :param weighed: How the question stands to the passages.
    """
    if fit is None:
        return True
    if fit >= 1 or fit < LEAST:
        return fit >= 1
    sureness = candidates.sureness(question, hits)
    enough = ENOUGH_ABSENT if weighed.absent else ENOUGH
    if fit >= NEARLY and fit + SURE_SHARE * sureness >= enough:
        return True
    is_held = weighed.rarest and weighed.coverage >= HELD and not weighed.absent
    return is_held and fit + sureness >= TOGETHER


def may_answer(fit: float | None, weighed: Evidence, hits: Sequence[Hit], met: Met | None) -> bool:
    """
    Whether passages that do not fit for sure may hold the answer in other words.

    :param fit: None where there is too little text to tell.
    :param met: How well parts of a passage meet the question. None if the search had no late
        interaction.
    """
    if met is None or weighed.absent or (fit is not None and not POSSIBLE <= fit < 1):
        return False
    return any(near.meets >= MEETS for near in candidates.nearest(hits, met))
