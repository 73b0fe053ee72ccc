"""What a page of a PDF shows by size, place and gaps: powers, spaced words, boxes, parted tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pypdf
import pytest
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NumberObject
from pypdf.generic import TextStringObject as Text
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, Spacer, Table

from tests.unit.test_pdf import converted, flowing, lines_of, on_pages

PLAIN = getSampleStyleSheet()["Normal"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("built in 1978<super>12</super> by Ole and his crew", "built in 1978¹² by Ole"),
        ("an area of 40 m<super>2</super> in hall 3", "40 m²"),
        ("About 10<super>6</super> cells and CO<sub>2</sub> are in 2012", "10⁶ cells and CO2 are in 2012"),
        ("the crew left,<super>3</super> and a sum of 1,204<super>4</super> euros", "left,³ and a sum of 1,204⁴"),
        ("a rate of 10<super>-6</super> a year, since 2021-22", "10⁻⁶ a year, since 2021-22"),
    ],
)  # fmt: skip
def test_raised_figures_are_no_part_of_the_number_before_them(written: str, shown: str) -> None:
    found = converted(flowing(Paragraph(written, PLAIN), Paragraph("The end of it.", PLAIN)))
    assert shown in " ".join(found.text.split())


def _spaced(words: str, step: float) -> Callable[[Any], None]:
    def draw(sheet: Any) -> None:
        left = 60.0
        for letter in words:
            sheet.drawString(left, 700, letter.strip())
            left += sheet.stringWidth(letter) + step
        sheet.drawString(60, 660, "Keep away from the edge of the quay.")

    return draw


def test_a_word_whose_letters_stand_apart_is_one_word() -> None:
    """Names of columns are none, and what was typed with blanks stays."""
    assert lines_of(on_pages(_spaced("SAFETY FIRST", 6)))[0] == "SAFETY FIRST"
    assert lines_of(on_pages(_spaced("ABCDEF", 6)))[0] == "A B C D E F"
    typed = on_pages(lambda sheet: sheet.drawString(60, 700, "Grades A C D F count."))
    assert lines_of(typed) == ["Grades A C D F count."]


def test_boxes_in_one_line_stand_where_they_are_drawn() -> None:
    def draw(sheet: Any) -> None:
        for n, (label, ticked) in enumerate((("Fish", True), ("Meat", False), ("None", False))):
            sheet.acroForm.checkbox(name=label, x=60 + 90 * n, y=697, size=12, checked=ticked)
            sheet.drawString(78 + 90 * n, 700, label)
        sheet.drawString(60, 660, "Adult")
        sheet.acroForm.radio(name="a", value="a", x=100, y=657, size=12, selected=False)
        sheet.drawString(180, 660, "Child")
        sheet.acroForm.radio(name="a", value="b", x=220, y=657, size=12, selected=True)

    assert lines_of(on_pages(draw)) == ["☒ Fish ☐ Meat ☐ None", "Adult ☐ Child ☒"]


ITEMS = [["Pos", "Description", "Qty", "Price"], ["1", "Rope 12 mm", "20", "3.10"]]
ITEMS += [["2", "Fender, large", "2", "45.00"], ["3", "Shackle", "12", "1.50"]]


def test_years_over_groups_of_columns_name_a_table_of_figures() -> None:
    """Lines around cells with few words are a table all the same."""
    head = [["Quarter", "2023", "", "2024", ""], ["", "Plan", "Actual", "Plan", "Actual"]]
    rows = [[f"Q{n}", *(f"{n}{m}" for m in range(4))] for n in (1, 2, 3)]
    grid = ("GRID", (0, 0), (-1, -1), 0.5, (0, 0, 0))
    spans = [("SPAN", (0, 0), (0, 1)), ("SPAN", (1, 0), (2, 0)), ("SPAN", (3, 0), (4, 0))]
    table = Table([*head, *rows], style=[grid, *spans])
    last = "Quarter: Q3; 2023 Plan: 30; 2023 Actual: 31; 2024 Plan: 32; 2024 Actual: 33"
    assert lines_of(flowing(Paragraph("Results", PLAIN), table))[-1] == last


def test_a_table_below_another_keeps_its_own_columns() -> None:
    """The head of an invoice stands in columns as well. A gap and other columns part the two."""
    head = [
        ["Invoice no.", "R-118", "Date", "3 March 2025"],
        ["Customer", "Halden AS", "Due", "17 March"],
    ]
    parts = [Table(head), Spacer(1, 12), Table(ITEMS, colWidths=[40, 180, 50, 80])]
    found = lines_of(flowing(Paragraph("Halden AS, Quay 7", PLAIN), Spacer(1, 12), *parts))
    assert "Customer Halden AS Due 17 March" in found
    assert found[-1] == "Pos: 3; Description: Shackle; Qty: 12; Price: 1.50"


def test_a_page_with_nothing_but_a_narrow_table_has_rows() -> None:
    """PDFium takes such a page for one that is written from top to bottom, all in one line."""
    found = lines_of(flowing(Table(ITEMS, colWidths=[40, 180, 50, 80])))
    assert found[-1] == "Pos: 3; Description: Shackle; Qty: 12; Price: 1.50"


def test_a_remark_that_is_hidden_is_not_read() -> None:
    writer = pypdf.PdfWriter(
        clone_from=io.BytesIO(on_pages(lambda sheet: sheet.drawString(60, 700, "Fee: 50")))
    )
    for words, flag in (("Ask Kay", 0), ("Old reply", 2)):
        note = DictionaryObject({
            NameObject("/Type"): NameObject("/Annot"), NameObject("/Subtype"): NameObject("/Text"),
            NameObject("/Rect"): ArrayObject([FloatObject(n) for n in (60, 600, 80, 620)]),
            NameObject("/Contents"): Text(words), NameObject("/F"): NumberObject(flag),
        })  # fmt: skip
        notes = writer.pages[0].setdefault(NameObject("/Annots"), ArrayObject())
        notes.append(writer._add_object(note))
    file = io.BytesIO()
    writer.write(file)
    assert lines_of(file.getvalue()) == ["Fee: 50", "", "(note: Ask Kay)"]
