"""Sentences as people would mark them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text import sentences


def texts(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences.split(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith et al. found 3.5% (Fig. 2). It rose.", ["Dr. Smith et al. found 3.5% (Fig. 2).", "It rose."]),
        ("It cost $17.5 billion in the U.S. The firm paid.", ["It cost $17.5 billion in the U.S.", "The firm paid."]),
        ("J. R. Doe of Uber Inc. agreed.", ["J. R. Doe of Uber Inc. agreed."]),
        ("See No. 5 for that. He said no. Then he left.", ["See No. 5 for that.", "He said no.", "Then he left."]),
        ("A is so [1]. B is so.[2] C too. [3]", ["A is so [1].", "B is so.[2]", "C too. [3]"]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("日本語の文です。次の文！「はい。」そうですか？", ["日本語の文です。", "次の文！", "「はい。」", "そうですか？"]),
        ("Zahlbar bis 31. März. Der Austritt ist zum 31. Dezember möglich.", ["Zahlbar bis 31. März.", "Der Austritt ist zum 31. Dezember möglich."]),
        ("यह वाक्य है। दूसरा वाक्य।", ["यह वाक्य है।", "दूसरा वाक्य।"]),
    ],
)  # fmt: skip
def test_split_finds_ends(text, expected):
    """Terminators end a sentence. Abbreviations, initials and decimals do not."""
    assert texts(text) == expected


def test_wrapped_lines_are_joined():
    """A line break inside a sentence, as a PDF has it, does not end it."""
    wrapped = (
        "This line is wrapped at some\nplace in the middle of it and goes\non. A new one starts."
    )
    assert texts(wrapped) == [wrapped[:67], "A new one starts."]


def test_lists_rows_and_headings_stand_alone():
    """Each bullet, numbered item, table row and heading is a unit of its own."""
    text = "# Costs\n- rent\n- heat. And light\n1. First\n2. Second\nRevenue\t17,455\t11,139\n| a | b |\n| 1 | 2 |"
    assert texts(text) == [
        "# Costs", "- rent", "- heat.", "And light", "1. First", "2. Second",
        "Revenue\t17,455\t11,139", "| a | b |", "| 1 | 2 |",
    ]  # fmt: skip


def test_long_lists_fall_into_lines():
    """What runs on without an end for long is cut at its lines."""
    text = "\n".join(
        f"item number {i} of a list without ends, and more words to it" for i in range(40)
    )
    assert max(map(len, texts(text))) < 100


@given(st.text(alphabet="aB. \n!?。[1]\t|-#é5", max_size=200))
def test_split_loses_nothing(text):
    """Spans are in order, do not overlap, and leave out white space alone."""
    spans = sentences.split(text)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert "".join("".join(texts(text)).split()) == "".join(text.split())
