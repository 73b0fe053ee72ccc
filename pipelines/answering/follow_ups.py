"""Questions to ask next, made of passages that were found and not cited. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.answering import examples
from pipelines.answering.events import Answer
from pipelines.search.evidence import is_common
from pipelines.store.document_passages import Excerpt
from pipelines.store.hits import Hit
from pipelines.text.terms import terms

MOST = 3
# Characters of a passage that are looked at.
LEAD = 600
# A passage that fits the question far less than the best one is about something else. In a document
# that the answer cites it may fit less: it stands beside what was asked.
LEAST_OF_BEST, LEAST_BESIDE = 0.5, 0.3
# A question with more of its words in one that was asked says nothing new.
MOST_SHARED = 0.6


def follow_ups(answer: Answer, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """
    What can be asked next, best first. Empty if nothing useful was found beside the answer.

    :param asked: The questions before this one.
    """
    cited = len(answer.citations)
    if answer.kind not in ("llm", "extracts") or not cited:
        return ()
    headings = {hit.heading for hit in answer.passages[:cited]}
    documents = {hit.document_id for hit in answer.passages[:cited]}
    best = max(hit.confidence for hit in answer.passages)

    def fits(hit: Hit) -> bool:
        least = LEAST_BESIDE if hit.document_id in documents else LEAST_OF_BEST
        return hit.heading not in headings and hit.confidence >= least * best

    others = [_excerpt(hit) for hit in answer.passages[cited:] if fits(hit)]
    made: list[str] = []
    for question in examples.of_passages(others):
        if _is_new(question, [answer.question, *asked, *made]):
            made.append(question)
    return tuple(made[:MOST])


def _excerpt(hit: Hit) -> Excerpt:
    return Excerpt(hit.document_id, hit.heading, hit.text[:LEAD], hit.language)


def _is_new(question: str, others: Sequence[str]) -> bool:
    words = _words(question)
    return bool(words) and all(
        len(words & _words(other)) < MOST_SHARED * len(words) for other in others
    )


def _words(question: str) -> set[str]:
    return {term for term in terms(question, "en") if not is_common(term)}
