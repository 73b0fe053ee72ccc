"""No passage, and no near-duplicate of one, is both trained on and held out."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from training.pairs.sides import Placed, assign

WORDS = [a + b for a in "bcdfghklmnprst" for b in "aeiou"]


def text(seed: int, words: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def pieces(documents: int, each: int = 10) -> list[Placed]:
    return [
        Placed(f"{d}-{n}", text(100 * d + n), f"doc{d}", "", n)
        for d in range(documents)
        for n in range(each)
    ]


def test_documents_stay_whole_and_a_part_is_held_out():
    found = assign(pieces(20), {})
    sides = {d: {found[f"{d}-{n}"] for n in range(10)} for d in range(20)}
    assert all(len(side) == 1 for side in sides.values())
    assert sum(side == {"heldout"} for side in sides.values()) == 4


def test_one_document_is_divided_by_its_parts():
    found = assign(pieces(1, each=100), {})
    assert 10 <= sum(side == "heldout" for side in found.values()) <= 20


def test_what_repeats_a_passage_is_on_its_side():
    rows = pieces(20)
    copy = Placed("copy", "Introduction. " + rows[0].text + " And so on.", "another", "", 0)
    found = assign([*rows, copy], {})
    assert found["copy"] == found["0-0"]


def test_a_passage_between_both_sides_belongs_to_neither():
    rows = pieces(20)
    both = Placed("both", f"{rows[0].text} {rows[10].text}", "another", "", 0)
    known = {"0-0": "train", "1-0": "heldout"}
    assert assign([*rows, both], known)["both"] is None


def test_a_wanted_side_is_refused_to_repeats_of_the_other():
    rows = pieces(1, each=3)
    again = Placed("again", rows[0].text + " more", "file", "", 0)
    found = assign([*rows, again], {"0-0": "heldout"}, wanted="train")
    assert found["again"] is None


@given(st.integers(1, 12), st.integers(1, 30), st.randoms(use_true_random=False))
def test_what_was_decided_stays(documents, each, draw):
    rows = pieces(documents, each)
    before = assign(rows, {})
    known = {key: side for key, side in before.items() if side and draw.random() < 0.5}
    after = assign([*rows, *pieces(documents + 3, each)[len(rows) :]], known)
    assert all(after[key] == side for key, side in known.items())
