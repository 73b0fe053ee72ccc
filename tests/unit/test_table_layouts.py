"""Layouts of tables as people make them: headers of groups, units, forms, labels written once."""

from __future__ import annotations

import io

from pptx import Presentation
from pptx.util import Inches
from reportlab.lib import colors
from reportlab.pdfgen import canvas
from reportlab.platypus import SimpleDocTemplate, Table

from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.kinds import mime_of
from pipelines.indexing.readers.tables import grid, sheet

Rows = list[list[str]]

TWO_LEVELS = [
    ["", "2023", "", "2024", ""],
    ["Plant", "Steel", "Wood", "Steel", "Wood"],
    ["Essen", "11", "12", "13", "14"],
    ["Ulm", "21", "22", "23", "24"],
]
THREE_LEVELS = [
    ["Plant", "2023", "2023", "2023", "2023"],
    ["Plant", "Q1", "Q1", "Q2", "Q2"],
    ["Plant", "Steel", "Wood", "Steel", "Wood"],
    ["Essen", "11", "12", "13", "14"],
    ["Ulm", "31", "32", "33", "34"],
]


def _text(data: bytes, name: str) -> str:
    return readers.read(data, mime_of(name), ReadLimits()).text


def test_names_of_groups_go_over_their_columns() -> None:
    """Years above the names of columns belong to each of the columns below them."""
    *_, last = grid.lines(TWO_LEVELS)
    assert last == "Plant: Ulm; 2023 Steel: 21; 2023 Wood: 22; 2024 Steel: 23; 2024 Wood: 24"
    assert list(sheet.lines(TWO_LEVELS, certain=True))[-1] == last


def test_a_header_has_three_levels() -> None:
    """Each level of a header stays in the name of a column, merged or written once."""
    last = "Plant: Ulm; 2023 Q1 Steel: 31; 2023 Q1 Wood: 32; 2023 Q2 Steel: 33; 2023 Q2 Wood: 34"
    assert grid.lines(THREE_LEVELS, merged_rows=2)[-1] == last
    once = [
        [
            cell if row > 2 or cell != before else ""
            for before, cell in zip([None, *r], r, strict=False)
        ]
        for row, r in enumerate(THREE_LEVELS)
    ]
    once[1][0] = once[2][0] = ""
    assert grid.lines(once)[-1] == last


def test_a_preamble_is_no_group() -> None:
    """A line with a date above a table stays a line of its own."""
    rows = [["Created", "2025-03-01", ""], ["Pump", "Hours", "State"], ["P1", "12", "ok"]]
    rows += [["P2", "14", "ok"]]
    assert grid.lines(rows)[0] == "Created: 2025-03-01"


def test_units_below_a_marked_header() -> None:
    """A row of units belongs to the header, also where a file marks one row as header."""
    rows = [["Pump", "Flow", "Power"], ["", "l/min", "kW"], ["P1", "42", "1.5"], ["P2", "55", "2"]]
    assert grid.lines(rows, 1)[-1] == "Pump: P2; Flow l/min: 55; Power kW: 2"


def test_a_form_has_no_header() -> None:
    """Labels with their values are read as such, in one pair of columns or in two."""
    rows = [["Customer", "Ms Lind"], ["Order", "55-81"], ["Terms", "21 days net"]]
    expected = ["Customer: Ms Lind", "Order: 55-81", "Terms: 21 days net"]
    assert list(sheet.lines(rows, certain=True)) == expected
    wide = [[*rows[0], "Date", "3 May"], [*rows[1], "Clerk", "Bo Ek"], [*rows[2], "Weight", "8 kg"]]
    assert grid.lines(wide)[1] == "Order: 55-81; Clerk: Bo Ek"
    marked = [["Customer:", "Ms Lind", "", "Date:", "3 May"], ["A:", "1", "", "B:", "2"]]
    assert grid.lines(marked, 0)[0] == "Customer: Ms Lind; Date: 3 May"


def test_labels_written_once_are_repeated() -> None:
    """A region that stands only in its first row is said in each of its rows."""
    rows = [["Region", "Item", "Sum"], ["North", "Nuts", "5"], ["", "Bolts", "6"]]
    rows += [["South", "Nuts", "7"], ["", "Bolts", "8"]]
    assert grid.lines(rows)[-1] == "Region: South; Item: Bolts; Sum: 8"


def test_a_missing_first_cell_is_not_invented() -> None:
    """Titles that some people have are not given to the people below them."""
    rows = [["Title", "Name", "Room"], ["Dr.", "Ana Lind", "4"], ["", "Bo Ek", "5"]]
    rows += [["Dr.", "Cy Berg", "6"], ["", "Di Holm", "7"]]
    assert grid.lines(rows)[1] == "Name: Bo Ek; Room: 5"


def test_a_ruled_pdf_table_with_years_above_its_names() -> None:
    """Cells that go over several columns of a PDF name all of them, on each page."""
    rows = [*TWO_LEVELS[:2], *([f"P{n}", f"{n}", f"{n + 100}", "3", "4"] for n in range(80))]
    spans = [("SPAN", (1, 0), (2, 0)), ("SPAN", (3, 0), (4, 0))]
    grid_lines = ("GRID", (0, 0), (-1, -1), 0.5, colors.black)
    stream = io.BytesIO()
    table = Table(rows, repeatRows=2, style=[grid_lines, *spans])
    SimpleDocTemplate(stream).build([table])
    text = _text(stream.getvalue(), "a.pdf")
    for number in (5, 75):
        assert f"Plant: P{number}; 2023 Steel: {number}; 2023 Wood: {number + 100};" in text


def test_a_slide_table_under_a_title_row() -> None:
    """A first row that is one wide title is no header, whatever the design of the table says."""
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    shape = slide.shapes.add_table(3, 3, Inches(1), Inches(1), Inches(6), Inches(2))
    rows = [["Sales of the north", "", ""], ["Port", "Ships", "Tons"], ["Kiel", "12", "340"]]
    for place, row in enumerate(rows):
        for column, text in enumerate(row):
            shape.table.cell(place, column).text = text
    shape.table.cell(0, 0).merge(shape.table.cell(0, 2))
    stream = io.BytesIO()
    deck.save(stream)
    assert "Port: Kiel; Ships: 12; Tons: 340" in _text(stream.getvalue(), "a.pptx")


def test_months_and_numbers_of_rules_name_columns() -> None:
    """A month is no sum of money, and "No" is no answer, where they stand above figures."""
    months = [["Berth", "Jan 25", "Feb 25"], ["Q1", "11", "12"], ["Q2", "21", "22"]]
    assert grid.lines(months)[-1] == "Berth: Q2; Jan 25: 21; Feb 25: 22"
    rules = [["No", "Rule", "Fine"], ["1", "Wear a vest", "50"], ["2", "Keep right", "80"]]
    assert grid.lines(rules)[-1] == "No: 2; Rule: Keep right; Fine: 80"


def test_groups_above_the_middle_of_their_columns() -> None:
    """In a PDF without lines a name stands over the middle of its group, and names all of it."""
    stream = io.BytesIO()
    pdf = canvas.Canvas(stream)
    pdf.drawString(
        60, 760, "The harbour board met in spring and agreed on the work of the long quay."
    )
    pdf.drawCentredString(230, 700, "Budget")
    pdf.drawCentredString(430, 700, "Actual")
    rows = [("Plant", "Steel", "Wood", "Steel", "Wood"), ("Essen", "11", "12", "13", "14")]
    for place, row in enumerate([*rows, ("Ulm", "21", "22", "23", "24")]):
        for left, text in zip((60, 180, 260, 380, 460), row, strict=True):
            pdf.drawString(left, 684 - 16 * place, text)
    pdf.save()
    last = "Plant: Ulm; Budget Steel: 21; Budget Wood: 22; Actual Steel: 23; Actual Wood: 24"
    assert last in _text(stream.getvalue(), "a.pdf")


def test_a_drawn_table_in_markdown() -> None:
    """A table with lines around its cells is one, but not in code."""
    line = "+---------+-------+\n"
    table = f"{line}| Fruit   | Price |\n+=========+=======+\n| Bananas | 1.34  |\n| Peru    |       |\n"
    table += f"{line}| Oranges | 2.10  |\n{line}"
    text = _text(f"# Shop\n\n{table}\nEnd\n\n```\n{table}```\n".encode(), "a.md")
    assert "Fruit: Bananas Peru; Price: 1.34\n\nFruit: Oranges; Price: 2.10" in text
    assert "| Oranges | 2.10  |" in text


def test_a_row_of_words_under_columns_is_no_header() -> None:
    """The first row of a comparison stays a row, though what stands below it are figures."""
    rows = [["", "Model A", "Model B"], ["Engine", "petrol", "diesel"]]
    rows += [["Mass", "1.2 t", "1.9 t"], ["Range", "300 km", "420 km"], ["Seats", "4", "5"]]
    for header in (None, 1):
        assert grid.lines(rows, header)[0] == "Engine; Model A: petrol; Model B: diesel"


def test_dates_and_times_of_a_plan_name_its_columns() -> None:
    """Above other things they are names. Above dates they are the first of these."""
    months = [["Station", "12/2024", "01/2025"], ["Weir", "4.4", "4.6"], ["Lock", "5.1", "5.3"]]
    assert grid.lines(months)[-1] == "Station: Lock; 12/2024: 5.1; 01/2025: 5.3"
    hours = [["Room", "08:00", "09:00"], ["R1", "Maths", "Art"], ["R2", "Latin", "free"]]
    assert grid.lines(hours)[-1] == "Room: R2; 08:00: Latin; 09:00: free"
    log = [["open", "2025-01-01", "2025-01-03"], ["shut", "2025-02-01", "2025-02-04"]]
    assert grid.lines(log)[-1] == "shut; 2025-02-01; 2025-02-04"


def test_facts_of_several_kinds_below_each_other_are_no_column() -> None:
    """A date, a word and a sum are what a form says of one thing."""
    rows = [["Employee", "Ruiz, Eva"], ["Born on", "1984-05-02"], ["Hall", "Docks"]]
    assert grid.lines([*rows, ["Pay", "4100"]])[0] == "Employee: Ruiz, Eva"


def test_tables_beside_each_other_have_titles_of_their_own() -> None:
    left = [["Pumps", ""], ["Id", "Flow"], ["P1", "33"], ["P2", "44"]]
    right = [["Valves", ""], ["Tag", "Size"], ["V1", "80"], ["V2", "50"]]
    rows = [[*one, "", *other] for one, other in zip(left, right, strict=True)]
    assert list(sheet.lines(rows)) == [
        "Pumps", "Id: P1; Flow: 33", "Id: P2; Flow: 44",
        "Valves", "Tag: V1; Size: 80", "Tag: V2; Size: 50",
    ]  # fmt: skip


def test_lines_above_a_csv_are_no_column() -> None:
    text = "Readings of the year\nMade on 3 May\n\nMeter,kWh\nZ-9,1204\n\nMeter,kWh\nZ-10,988\n"
    assert _text(text.encode(), "a.csv").split("\n\n") == [
        "Readings of the year", "Made on 3 May", "Meter: Z-9; kWh: 1204", "Meter: Z-10; kWh: 988",
    ]  # fmt: skip


def test_one_price_in_words_takes_no_name_away() -> None:
    rows = [["Article", "Cost"], ["Rope", "12.50"], ["Mast", "on request"], ["Sail", "310.00"]]
    assert grid.lines(rows)[-1] == "Article: Sail; Cost: 310.00"
