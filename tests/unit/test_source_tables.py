"""Rows that were read as lines, as tables again."""

from __future__ import annotations

import pytest

from app.chat.source import tables

TEXT = (
    "Valves\n\nPart: K-53; Torque: 11\n\nPart: K-54; Torque: 12\nPart: <b>; Torque: 13\n\n"
    "Note: tighten twice.\n\nPart: Z; Colour: red\n\nPart: Z; Colour: blue"
)


def parts(text):
    return [(text[run.start : run.end].strip(), len(run.rows)) for run in tables.runs(text)]


def test_rows_with_the_same_columns_form_one_table():
    """What stands between them stays text, and other columns begin another table."""
    assert [rows for _, rows in parts(TEXT)] == [0, 3, 0, 2]
    assert [text for text, rows in parts(TEXT) if not rows] == ["Valves", "Note: tighten twice."]
    assert "".join(TEXT[run.start : run.end] for run in tables.runs(TEXT)) == TEXT


@pytest.mark.parametrize(
    "text",
    ["", "One line.", "Part: K-53; Torque: 11", "A: 1; A: 2\nA: 1; A: 2", "A: 1; b\nA: 1; b", "A: 1\nA: 2"],
)  # fmt: skip
def test_a_single_row_and_what_is_no_row_stay_text(text):
    assert all(rows == 0 for _, rows in parts(text))


def test_the_cells_of_a_span_are_marked_and_nothing_runs():
    table = next(run for run in tables.runs(TEXT) if run.rows)
    start = TEXT.index("K-54; Torque: 12")
    html = tables.html(table.rows, (start + 2, start + len("K-54; Torque: 12")))
    assert html.count("<mark>") == 2
    assert "K&#45;<mark>54</mark>" in html
    assert '<td dir="auto"><mark>12</mark></td>' in html
    assert html.count("<tr>") == 4
    assert "<b>" not in html
