"""
Answers and passages as programs read them: the same in the output of commands, in the HTTP
interfaces and over MCP. Pure.
"""

from __future__ import annotations

from typing import Any

from pipelines.answering.events import Answer, Citation
from pipelines.store.hits import Hit


def passage(hit: Hit | Citation) -> dict[str, Any]:
    """A passage, and where it stands."""
    return {
        "document_id": hit.document_id,
        "chunk_id": hit.chunk_id,
        "title": hit.title,
        "source": hit.source,
        "page": hit.page,
        "page_label": hit.page_label,
        "heading": hit.heading,
        "text": hit.text,
        "score": round(hit.score, 4),
    }


def citation(one: Citation) -> dict[str, Any]:
    """
    A cited passage. `highlight` is the sentence that supports the answer, if one is sure, and `span`
    its place in the text.
    """
    return {
        "number": one.number,
        **passage(one),
        "span": one.span,
        "highlight": one.highlight,
    }


def facts(answer: Answer) -> dict[str, Any]:
    """What is known about an answer: how it was made, by which version, and how long it took."""
    return {
        "kind": answer.kind,
        "epoch": answer.epoch,
        "note": answer.note,
        "question": answer.question,
        "timings_ms": answer.timings_ms,
    }


def whole(answer: Answer) -> dict[str, Any]:
    """All of an answer but the passages that it does not cite."""
    return {
        "answer": answer.text,
        "citations": [citation(one) for one in answer.citations],
        **facts(answer),
        "searched_for": answer.remarks.searched or answer.question,
        "suggestions": list(answer.remarks.suggestions),
        "no_source_cited": answer.uncited,
        "dropped_citations": answer.dropped_citations,
        "corrected_citations": answer.remarks.corrected,
        "unsupported": [answer.text[start:end] for start, end in answer.remarks.unsupported],
        "steps": list(answer.remarks.steps),
        "model": answer.model_name,
        "llm": answer.llm,
    }
