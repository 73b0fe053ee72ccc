"""Answers, vectors and versions in the form that OpenAI's clients read. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from app.web.api.requests import SOURCES
from pipelines.answering import as_json
from pipelines.answering.events import Answer, Citation
from pipelines.text.places import page_name


def model(name: str) -> dict[str, Any]:
    """A version as `/v1/models` lists it."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "attune"}


def embeddings(vectors: Sequence[Any], name: str, tokens: int) -> dict[str, Any]:
    """Vectors, as numbers or as base64 of little-endian float32."""
    data = [
        {"object": "embedding", "index": number, "embedding": vector}
        for number, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": name, "usage": usage}


def completion(answer: Answer) -> dict[str, Any]:
    """
    A whole answer.

    The message's text ends with a list of its sources. `citations` has them as fields, and `attune`
    what is known about the answer.
    """
    message = {
        "role": "assistant",
        "content": answer.text + _ending(answer),
        "refusal": None,
        "citations": [as_json.citation(one) for one in answer.citations],
    }
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": answer.model_name,
        "choices": [
            {"index": 0, "message": message, "finish_reason": _reason(answer), "logprobs": None}
        ],
        "attune": as_json.facts(answer),
    }


def sources(citations: Sequence[Citation]) -> str:
    """The list that a message ends with, for clients that show nothing but its text."""
    if not citations:
        return ""
    lines = []
    for one in citations:
        page = page_name(one.page, one.page_label)
        place = ", ".join(part for part in (one.title, page, one.heading or "") if part)
        lines.append(f"[{one.number}] {' '.join(place.split())}")
    return SOURCES + "\n".join(lines)


def _ending(answer: Answer) -> str:
    """
    What a message says after its text: that the language model failed, if it did, and the sources.
    """
    failed = answer.kind == "error" or answer.has_failed_llm
    note = f"\n\n({answer.note})" if failed and answer.note else ""
    return note + sources(answer.citations)


def _reason(answer: Answer) -> str:
    """Why the text ends. Clients know two reasons: it is whole, or it was cut off."""
    return "length" if answer.kind == "error" else "stop"


class Chunks:
    """The chunks of one streamed answer. They share an id."""

    def __init__(self, name: str) -> None:
        self._shared = {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": name,
        }
        self._text = ""

    def begin(self) -> dict[str, Any]:
        """The first chunk: who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def text(self, piece: str) -> dict[str, Any]:
        """The next piece of text."""
        self._text += piece
        return self._chunk({"content": piece})

    def end(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """The rest of the text with the sources, then a chunk with the citations."""
        rest = answer.text
        if self._text and answer.has_failed_llm:
            rest = f"\n\n{answer.text}"
        elif self._text:  # what was sent cannot be taken back
            is_part = answer.text.startswith(self._text)
            rest = answer.text[len(self._text) :] if is_part else ""
        if rest := rest + _ending(answer):
            yield self._chunk({"content": rest})
        delta = {"citations": [as_json.citation(one) for one in answer.citations]}
        last = self._chunk(delta, _reason(answer))
        yield last | {"attune": as_json.facts(answer)}

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {**self._shared, "choices": [choice]}
