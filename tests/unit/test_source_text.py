"""Parts of a document's text as they are shown: headings, tables, marks."""

from __future__ import annotations

from app.chat.source import text
from pipelines.store.document_text import TextPart


def html(words: str, *titles: str, span: tuple[int, int] | None = None) -> str:
    return text._html(TextPart(0, words, None, None, True, list(titles)), span)


def test_lines_that_are_headings_are_headings_of_one_level():
    """A part may begin anywhere in its document, so no level of it is left out."""
    shown = html("Mooring\n\nTie the boat.\n\n## Fees\n\nPay them.", "Mooring", "Elsewhere")
    assert '<h3 dir="auto">Mooring</h3>' in shown
    assert '<h3 dir="auto">Fees</h3>' in shown
    assert "<h4" not in shown
    assert '<p dir="auto">Tie the boat' in shown


def test_a_span_is_marked_in_text_and_in_a_table_alike():
    words = (
        "Torque of the bolts.\n\nPart: K-53; Torque: 11\n\nPart: K-54; Torque: 12\n\nTighten twice."
    )
    for quoted, marked in (("bolts", "bolts"), ("K-54; Torque: 12", "12"), ("twice", "twice")):
        start = words.index(quoted)
        assert f"<mark>{marked}</mark>" in html(words, span=(start, start + len(quoted)))
    assert html(words).count("<tr>") == 3
