"""The chat's choice of documents: what a page may send, and what it is called."""

from __future__ import annotations

import json

import pytest

from app.chat.picker import words
from app.chat.picker.choice import MOST_DOCUMENTS, Wanted, read


def test_a_choice_is_read_as_the_page_sends_it():
    sent = {
        "own": True,
        "collections": ["b"],
        "documents": [{"id": 7, "title": "x"}],
        "help": False,
    }
    assert read(json.dumps(sent)) == Wanted(True, ("b",), (7,))


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", "7", "[" * 100_000, '{"own": 1, "collections": 7, "documents": "x"}',
     '{"collections": [7, null], "documents": [7, {"id": "7"}, {"id": true}, {"id": -1}]}',
     '{"documents": [{"id": 99999999999999999999999}]}'],
)  # fmt: skip
def test_what_is_no_choice_counts_as_none(text):
    assert read(text) == Wanted()


def test_a_choice_is_bounded():
    sent = {"documents": [{"id": n + 1} for n in range(10_000)]}
    assert len(read(json.dumps(sent)).documents) == MOST_DOCUMENTS


@pytest.mark.parametrize(
    ("own", "collections", "titles", "label"),
    [
        (False, [], ["a.pdf"], "a.pdf"),
        (False, [], ["a.pdf", "b.pdf"], "a.pdf and b.pdf"),
        (False, [], ["a", "b", "c"], "3 documents"),
        (False, [], ["x" * 99], "x" * 60 + "…"),
        (False, ["hr"], [], "collection hr"),
        (True, ["hr"], ["a.pdf"], "what you added, collection hr and a.pdf"),
        (False, ["a", "b", "c"], [], "collection a, collection b and 1 more collection"),
    ],
)
def test_a_choice_has_a_name(own, collections, titles, label):
    assert words.label(own, collections, titles) == label


def test_what_dropped_out_is_said():
    assert words.gone([], is_empty=True) == ""
    assert words.gone(["a.pdf"], is_empty=False) == "a.pdf is no longer there."
    assert words.gone(["a", "b"], is_empty=True).endswith("Everything is searched again.")
