"""What documents and models say becomes text on the page, and citations become links."""

from __future__ import annotations

import dataclasses
import re
from html import unescape

from app.chat.rendering import markup
from pipelines.store.chats import Message, Remarks, Shown
from pipelines.store.ids import MessageId

PASSAGE = Shown(
    number=1, document_id=1, chunk_id=1, title="a_b.pdf", page=3, heading=None,
    text="Before. The mark. After.", span=(8, 17), score=0.5, cited=True,
)  # fmt: skip


def message(text: str, kind: str = "llm", *shown: Shown) -> Message:
    return Message(MessageId(7), "assistant", text, kind, "base", 1, list(shown))


def seen(html: str) -> str:
    """The text of some HTML."""
    return unescape(re.sub("<[^>]*>", "", html))


def test_citations_become_links_that_name_their_source():
    """Only numbers with a passage do. Other text in brackets stays text."""
    shown = markup.answer(message("So it is [1], surely [4].", "llm", PASSAGE))
    assert shown.count("<a ") == 1
    assert '<a class="citation" href="#source-7-1" title="a&#95;b&#46;pdf' in shown
    assert seen(shown) == "So it is [1], surely [4]."


def test_citations_of_a_growing_answer_open_what_was_found():
    """They look as they will in the whole answer, so that nothing jumps when it is there."""
    shown = markup.growing("So [1], or [4]", [PASSAGE])
    assert '<a class="citation" href="#source-0-1"' in shown
    assert shown.count("<a ") == 1


def test_a_question_is_shown_as_it_was_typed():
    """No sign of it formats, and its lines stay."""
    assert seen(markup.question("# a *b*\n  [c](/d)")) == "# a *b*\n  [c](/d)"
    assert markup.question("<b>").count("<") == 2


def test_answers_that_are_none_say_so():
    """The kind is above, the nearest passages are below."""
    blocks = markup.answer(message("Nothing fits.", "not_found", PASSAGE)).split("\n\n")
    assert blocks[0] == '<p><strong class="label not_found">Not in the documents</strong></p>'
    assert seen(blocks[-1]) == "[1] a_b.pdf · page 3The mark."
    assert "<blockquote>The mark&#46;</blockquote>" in blocks[-1]


def test_an_answer_without_a_source_says_so():
    """A label, unless a passage is cited."""
    uncited = dataclasses.replace(PASSAGE, cited=False)
    assert "No source cited" in markup.answer(message("So it is.", "llm", uncited))
    assert "No source cited" in markup.answer(message("So it is.", "llm"))
    assert "No source cited" not in markup.answer(message("So it is [1].", "llm", PASSAGE))
    assert "No source cited" in markup.transcript("T", [message("So it is.", "llm", uncited)])


def test_supporting_sentence_is_marked_in_its_passage():
    """Where it is known."""
    assert "Before&#46; <mark>The mark&#46;</mark> After" in markup.passage_text(PASSAGE)
    assert "<mark>" not in markup.passage_text(dataclasses.replace(PASSAGE, span=None))


def test_lines_wrapped_by_a_page_are_joined_and_others_kept():
    """Joining changes no offset, so the mark stays where it was."""
    line = "The quick brown fox jumps over the lazy dog and then goes on to"
    text = f"Heading\n{line}\nfind a bone.\nA | B\n1 | 2"
    span = (text.index("find"), text.index("A |") - 1)
    html = markup.passage_text(dataclasses.replace(PASSAGE, text=text, span=span))
    assert f"Heading<br>{line} <mark>find a bone&#46;</mark><br>A" in html


def test_details_of_a_passage_name_what_is_known():
    """Title, page and heading, and whether the answer cites it, but no score."""
    passage = dataclasses.replace(PASSAGE, title="<a>.pdf", heading="One > Two", cited=False)
    lines = seen(markup.source_details(passage).replace("<br>", "\n"))
    assert lines == "<a>.pdf\nPage 3\nOne > Two\nNot cited in the answer"


def test_transcript_holds_questions_answers_and_quotes():
    """A file that reads without the app."""
    question = Message(MessageId(1), "user", "What?", None, None, None)
    text = markup.transcript("My *talk*", [question, message("This [1].", "llm", PASSAGE)])
    assert text.startswith("# My \\*talk\\*\n\n## What?\n\nThis [1].")
    assert "[1] a_b.pdf, page 3\n\n> The mark." in text


def test_suggested_questions_are_links_that_can_only_ask():
    """Their text is escaped, and their address leads nowhere."""
    remarks = Remarks(suggestions=("What is <b>it</b>?",))
    greeting = dataclasses.replace(message("Hello!", "greeting"), remarks=remarks)
    html = markup.answer(greeting)
    assert 'href="#ask"' in html
    assert "<b>" not in html
    assert "Ask, for example" in html
    assert "Did you mean" in markup.answer(dataclasses.replace(greeting, kind="not_found"))


def test_searched_question_and_grey_sentences_are_shown():
    """The question as it was searched stands above, and what is grey is explained."""
    text = "It is so [1]. It is *not* so."
    remarks = Remarks(searched="What <i>was</i> it?", unsupported=((14, len(text)),))
    html = markup.answer(dataclasses.replace(message(text, "llm"), remarks=remarks))
    assert "Searched for: What &#60;i&#62;was&#60;&#47;i&#62; it&#63;" in html
    assert '<span class="unsupported">It is </span>' in html
    assert markup.UNSUPPORTED in html
    assert "unsupported" not in markup.answer(message(text, "llm"))
