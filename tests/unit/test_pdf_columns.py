"""Columns of prose read the same, whether a program drew them one after the other or line by line."""

from __future__ import annotations

import io
from itertools import zip_longest

import pytest
from reportlab.pdfgen import canvas

from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers

PUMP = [
    "The pump in hall four is checked every",
    "second Monday. Its valves are opened by",
    "hand, and the pressure must not be above",
    "nine bar at any time. Whoever checks it",
    "writes the figure down in the green book",
    "that lies beside the door of the work-",
    "shop. Without an entry the next shift may",
    "not start the pump at all.",
]
HEATING = [
    "In winter the heating of the yard runs",
    "from November to March. It is set to",
    "eleven degrees by the caretaker, who has",
    "the only key to the control box. When the",
    "frost lasts longer than a week, the water",
    "in the outer pipes is drained.",
]
GATE = [
    "The gate to the street is locked at nine",
    "in the evening. Late shifts have a card",
    "that opens it until midnight, and the",
    "porter writes down who comes in after",
    "that time. Guests are brought to the gate",
    "by the person whom they have visited, and",
    "give back their card.",
]
ABOVE = "Rules of the house for everybody who works in the yard, the four halls and the office"
BELOW = "This line goes over the whole page again and closes what all columns have said above it."


def drawn(columns: list[list[str]], *, by_line: bool, width: int) -> list[str]:
    """The lines of a page with columns as they are read."""
    file = io.BytesIO()
    page = canvas.Canvas(file)
    page.setFont("Helvetica", 10 if width > 200 else 7)
    page.drawString(50, 780, ABOVE)
    rows = list(zip_longest(*columns, fillvalue=""))
    places = [(n, m) for n in range(len(rows)) for m in range(len(columns))]
    for row, column in places if by_line else sorted(places, key=lambda one: one[::-1]):
        page.drawString(50 + width * column, 750 - 12 * row, rows[row][column])
    page.drawString(50, 750 - 12 * len(rows) - 30, BELOW)
    page.save()
    found = readers.read(file.getvalue(), kinds.mime_of("a.pdf"), ReadLimits())
    return [line for line in found.text.split("\n") if line]


@pytest.mark.parametrize(
    ("columns", "width"), [([PUMP, HEATING], 250), ([HEATING, PUMP], 250), ([PUMP, GATE, HEATING], 170)]
)  # fmt: skip
def test_columns_are_read_down_to_their_end(columns, width):
    apart = drawn(columns, by_line=False, width=width)
    assert drawn(columns, by_line=True, width=width) == apart
    assert apart[0] == ABOVE
    assert apart[-1] == BELOW
    assert "door of the workshop. Without an entry the next shift may" in " ".join(apart)


def test_rows_of_words_stay_rows():
    """Columns that begin anew in each line are no prose."""
    left = [f"Delivery note number {n} of the works" for n in "ABCDEFG"]
    right = [f"Signed by the caretaker of hall {n}" for n in "ABCDEFG"]
    found = drawn([left, right], by_line=True, width=250)
    assert all(
        any(a in line and b in line for line in found) for a, b in zip(left, right, strict=True)
    )


def test_lines_that_end_in_hyphens_keep_their_columns():
    """PDFium lets such a line run on into the next one, which is the first of the other column."""
    right = [
        "The western mole is younger. It was pou-",
        "red in 1934 from concrete and has a no-",
        "tice of COVID-",
        "19 and the type plate AB-",
        "4471 at its head, where the crane stands.",
    ]
    found = " ".join(drawn([HEATING[:5], right], by_line=True, width=250))
    assert (
        "was poured in 1934 from concrete and has a notice of COVID-19 and the type plate" in found
    )
    assert "longer than a week, the water The western mole" in found
