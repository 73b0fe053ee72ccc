"""What documents and models say becomes text on the page, and citations become links."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chat import markup
from pipelines.store.chats import Message, Shown
from pipelines.store.ids import MessageId

PASSAGE = Shown(
    number=1, document_id=1, chunk_id=1, title="a_b.pdf", page=3, heading=None,
    text="Before. The mark. After.", span=(8, 17), score=0.5, cited=True,
)  # fmt: skip


def message(text: str, kind: str = "llm", *shown: Shown) -> Message:
    return Message(MessageId(7), "assistant", text, kind, "base", 1, list(shown))


@pytest.mark.parametrize(
    "text",
    [
        '<img src="http://evil.example/a.png">',
        "![picture](http://evil.example/a.png)",
        "![picture][ref]\n\n[ref]: http://evil.example/a.png",
        "[here](javascript:alert(1))",
        "[here](http://evil.example)",
        "<http://evil.example>",
        "<script>alert(1)</script>",
    ],
)
def test_nothing_loads_links_or_runs(text):
    """Neither a tag nor the syntax of a link or an image is left."""
    safe = markup.safe(text)
    assert "<" not in safe
    assert "](" not in safe
    assert "![" not in safe
    assert "]:" not in safe


@given(st.text(alphabet="[]()!<>`&\\ahtp:/ \n", max_size=60))
def test_no_text_makes_a_tag_or_an_inline_link(text):
    """Whatever the order of the signs."""
    safe = markup.safe(text)
    assert "<" not in safe
    assert markup._LINK.search(safe) is None


def test_citations_become_links_and_dangling_ones_vanish():
    """Only numbers that have a passage."""
    shown = markup.answer(message("So it is [1], surely [4].", "llm", PASSAGE))
    assert shown == "So it is [\\[1\\]](#source-7-1), surely ."


def test_answers_that_are_none_say_so():
    """The kind stands above, the nearest passages below."""
    shown = markup.answer(message("Nothing fits.", "not_found", PASSAGE))
    assert shown.startswith("###### Not in the documents")
    assert shown.endswith("- [\\[1\\]](#source-7-1) a\\_b\\.pdf · page 3")


def test_supporting_sentence_is_the_marked_piece():
    """The pieces are the passage, in order."""
    assert markup.marked(PASSAGE) == [
        ("Before. ", None), ("The mark.", "support"), (" After.", None),
    ]  # fmt: skip
    unsure = dataclasses.replace(PASSAGE, span=None)
    assert markup.marked(unsure) == [(PASSAGE.text, None)]


def test_lines_wrapped_by_a_page_are_joined_and_others_kept():
    """Joining changes no offset, so the mark stays where it was."""
    line = "The quick brown fox jumps over the lazy dog and then goes on to"
    text = f"Heading\n{line}\nfind a bone.\nA | B\n1 | 2"
    ((piece, _),) = markup.marked(dataclasses.replace(PASSAGE, text=text, span=None))
    assert piece == f"Heading\n{line} find a bone.\nA | B\n1 | 2"
    assert len(piece) == len(text)


def test_transcript_holds_questions_answers_and_quotes():
    """A file that reads without the app."""
    question = Message(MessageId(1), "user", "What?", None, None, None)
    text = markup.transcript("My *talk*", [question, message("This [1].", "llm", PASSAGE)])
    assert text.startswith("# My \\*talk\\*\n\n## What?\n\nThis [1].")
    assert "[1] a_b.pdf, page 3\n\n> The mark." in text
