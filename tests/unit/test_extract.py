"""The answer without an LLM: which sentences, in which order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.answering import extract
from pipelines.store.hits import Hit

QUESTION = "When was the harbour bridge opened?"
WEIGHTS = {"harbour": 1.0, "bridg": 1.0, "open": 2.0}


def hit(number: int, text: str, *, document: int = 1, window: tuple[int, int] | None = None) -> Hit:
    start, end = window or (0, len(text))
    return Hit(
        chunk_id=number, document_id=document, title="t", source="s", collection="default",
        page=None, heading=None, text=text, language="en", score=1.0, dense=0.5, lexical=0.5,
        window_start=start, window_end=end,
    )  # fmt: skip


def by_letters(texts):
    """Unit vectors of letter counts: alike texts are near."""
    counts = np.array(
        [[t.lower().count(c) + 0.01 for c in "abcdefghijklmnopqrstuvwxyz0123456789"] for t in texts]
    )
    return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def choose(*hits: Hit):
    return extract.choose(QUESTION, by_letters([QUESTION])[0], hits, by_letters)


def test_best_sentence_is_taken_with_its_exact_span():
    """The sentence that shares the question's rare words is chosen, with its position."""
    text = "Ships pass all day. The harbour bridge was opened in 1932. It rains often in the town."
    (best, *_) = choose(hit(1, text))
    assert text[slice(*best.span)] == best.text == "The harbour bridge was opened in 1932."


def test_one_sentence_a_passage_and_none_twice():
    """
    Several passages may contribute, each once. A sentence with the same content is not repeated.
    """
    same = "The harbour bridge was opened in 1932."
    assert [e.text for e in choose(hit(1, same), hit(2, same))] == [same]
    assert [
        e.number for e in choose(hit(1, f"{same} The harbour bridge was reopened in 1999."))
    ] == [1]


def test_reading_order_within_a_document():
    """Extracts of one document come as it is read, however they rank."""
    chosen = choose(
        hit(9, "The harbour bridge was opened to trains and cars in 1932."),
        hit(4, "Work on the harbour bridge began long before it was opened."),
    )
    assert [e.number for e in chosen] == [2, 1]


def test_render_cites_every_extract_on_one_line():
    """Line breaks and list marks of the document do not reach the answer."""
    extracts = [extract.Extract(2, (0, 9), "- opened\n  in 1932.", 1.0)]
    assert extract.render(extracts) == "opened in 1932. [2]"


def test_passages_without_proper_sentences_still_answer():
    """A passage of short lines is used whole. Without passages there is no extract."""
    assert [e.text for e in choose(hit(1, "Opened: 1932"))] == ["Opened: 1932"]
    assert choose() == []


@pytest.mark.parametrize(
    "heading",
    ["The harbour bridge opened", "## The harbour bridge opened\n", "Harbour bridge 1932"],
)
def test_a_heading_is_no_answer_but_says_what_is_below_it(heading):
    """The sentence below is taken, also where it does not name again what it is about."""
    text = (
        f"{heading}\n\nTrains and cars crossed it from March 1932 on.\n\n"
        "## The weather\n\nIt rains often in the town."
    )
    below = replace(hit(1, text), heading="History > Harbour bridge 1932", weights=WEIGHTS)
    (best,) = choose(below)
    assert best.text == "Trains and cars crossed it from March 1932 on."


def test_fields_and_figures_are_no_headings():
    """Short lines that state something may answer."""
    text = "Bridge opened: March 1932\nThe harbour bridge is a long bridge made of steel and stone."
    assert [e.text for e in choose(replace(hit(1, text), weights=WEIGHTS))] == [
        "Bridge opened: March 1932"
    ]


def test_few_sentences_are_embedded():
    """However long the passages, embedding stays bounded."""
    asked = []

    def encode(texts):
        asked.append(len(texts))
        return by_letters(texts)

    hits = [hit(n, f"A harbour sentence number {n} is here. " * 40) for n in range(1, 9)]
    extract.choose(QUESTION, by_letters([QUESTION])[0], hits, encode)
    assert asked == [extract.MOST_CANDIDATES]
