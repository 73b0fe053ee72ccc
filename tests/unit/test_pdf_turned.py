"""Tables across the page, and pages that are shown turned, are read as if they stood upright."""

from __future__ import annotations

import io

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas
from reportlab.platypus import Table

from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers.read import read

ROWS = [
    ("Part", "Bore", "Torque"),
    ("K-51", "12", "118"),
    ("K-52", "14", "171"),
    ("K-53", "", "92"),
]
UPRIGHT = [
    "Table 7. Torques of the gear box",
    "Part: K-51; Bore: 12; Torque: 118",
    "Part: K-52; Bore: 14; Torque: 171",
    "Part: K-53; Torque: 92",
    "Values hold for dry threads.",
    "Grease lowers them by a fifth.",
]
RULED = [("GRID", (0, 0), (-1, -1), 0.5, (0, 0, 0))]
# Where the origin goes, so that what is turned stays on the page.
MOVED = {0: (0, 0), 90: (A4[0] - 10, 120), 180: (A4[0], A4[1] - 40), 270: (10, A4[1] - 180)}


def page(turned: int, style: list, *, rotation: int = 0, above: str = "", below: str = "") -> bytes:
    file = io.BytesIO()
    sheet = canvas.Canvas(file, pagesize=A4)
    sheet.drawString(60, A4[1] - 60, above)
    sheet.drawString(60, 30, below)
    sheet.translate(*MOVED[turned])
    sheet.rotate(turned)
    sheet.drawString(60, 430, UPRIGHT[0])
    table = Table(ROWS, colWidths=[120, 100, 110], rowHeights=22, style=style)
    table.wrapOn(sheet, 500, 400)
    table.drawOn(sheet, 60, 300)
    for number, line in enumerate(UPRIGHT[-2:]):
        sheet.drawString(60, 260 - 20 * number, line)
    sheet.setPageRotation(rotation)
    sheet.showPage()
    sheet.save()
    return file.getvalue()


def lines(data: bytes) -> list[str]:
    text = read(data, "application/pdf", ReadLimits()).text
    return [line for line in text.split("\n") if line]


@pytest.mark.parametrize("style", [RULED, []], ids=["lines", "gaps"])
@pytest.mark.parametrize(
    ("turned", "rotation"),
    [(90, 0), (180, 0), (270, 0), (0, 90), (90, 90), (180, 180), (270, 270), (0, 270)],
)
def test_a_turned_table_keeps_its_rows_and_their_names(turned, rotation, style):
    """Its characters are turned, or the page is shown turned, or both, so that it looks upright."""
    assert lines(page(turned, style, rotation=rotation)) == UPRIGHT


@pytest.mark.parametrize("turned", [90, 270])
def test_what_stands_upright_around_it_stays_around_it(turned):
    above, below = "Chapter 3 lists the torques of all parts.", "They are checked every year."
    assert lines(page(turned, RULED, above=above, below=below)) == [above, *UPRIGHT, below]


def test_a_stamp_at_the_margin_turns_nothing():
    """A line along the edge of a page of upright text is read where it was."""
    file = io.BytesIO()
    sheet = canvas.Canvas(file, pagesize=A4)
    for number in range(40):
        sheet.drawString(90, 760 - 17 * number, f"Sentence {number} of a page of upright words.")
    sheet.rotate(90)
    sheet.drawString(300, -30, "Draft 4471 of May")
    sheet.showPage()
    sheet.save()
    found = lines(file.getvalue())
    upright = [line for line in found if line.startswith("Sentence")]
    assert upright == [f"Sentence {n} of a page of upright words." for n in range(40)]
    assert "Draft 4471 of May" in " ".join(found)
