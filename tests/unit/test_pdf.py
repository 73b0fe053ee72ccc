"""Tables, headers and what else stands on the pages of a PDF."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.readers.pdf.running_lines import without_running_lines
from pipelines.indexing.readers.read import read


def on_pages(*draw: Callable[[Any], None]) -> bytes:
    """A PDF with a page for each function."""
    from reportlab.pdfgen import canvas

    file = io.BytesIO()
    sheet = canvas.Canvas(file)
    for one in draw:
        one(sheet)
        sheet.showPage()
    sheet.save()
    return file.getvalue()


def flowing(*parts: Any) -> bytes:
    """A PDF of flowing parts."""
    from reportlab.platypus import SimpleDocTemplate

    file = io.BytesIO()
    SimpleDocTemplate(file).build(list(parts))
    return file.getvalue()


def converted(data: bytes) -> Converted:
    return read(data, "application/pdf", ReadLimits())


def lines_of(data: bytes) -> list[str]:
    return converted(data).text.split("\n")


RULED = [("GRID", (0, 0), (-1, -1), 0.5, (0, 0, 0))]


@pytest.mark.parametrize("style", [RULED, []], ids=["lines", "gaps"])
@pytest.mark.parametrize("repeated", [0, 1])
def test_a_table_over_pages_keeps_all_rows_and_their_names(style, repeated):
    """Rows at the edges of pages look like headers of pages, and only the first page has names."""
    from reportlab.platypus import Table

    rows = [("Part", "Torque", "Depth"), *((f"K-{n}", f"{n + 100}", f"{n}") for n in range(1, 190))]
    lines = lines_of(flowing(Table(rows, repeatRows=repeated, style=style)))
    for n in range(1, 190):
        assert f"Part: K-{n}; Torque: {n + 100}; Depth: {n}" in lines


def test_columns_by_gaps_alone_and_empty_places():
    """Cells that were drawn one by one stand in their row and column."""
    rows = [("Task", "Mon", "Tue"), ("Wash", "x", ""), ("Iron", "", "x"), ("Shop", "", "x")]

    def draw(sheet):
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                if cell:
                    sheet.drawString(72 + 110 * x, 700 - 20 * y, cell)

    assert "Task: Iron; Tue: x" in lines_of(on_pages(draw))


def test_signatures_in_columns_name_nothing():
    """Words above words in the same font are no names of columns."""
    rows = [("Ann Orrin", "/s/ Ann Orrin", "Chair"), ("Bo Vask", "/s/ Bo Vask", "Director")]

    def draw(sheet):
        for y, row in enumerate([*rows, ("Cid Lund", "/s/ Cid Lund", "Director")]):
            for x, cell in enumerate(row):
                sheet.drawString(72 + 140 * x, 700 - 20 * y, cell)

    assert "Ann Orrin:" not in converted(on_pages(draw)).text


def boxed(sheet, columns: list[int], rows: list[int]) -> None:
    """Lines around cells."""
    for x in columns:
        sheet.line(x, rows[0], x, rows[-1])
    for y in rows:
        sheet.line(columns[0], y, columns[-1], y)


def test_what_turns_out_to_be_no_table_keeps_its_text():
    """A table beside lines that part no table is none either, once those are out of its way."""

    def draw(sheet):
        boxed(sheet, [60, 100, 140], [600, 620, 640, 660, 680])
        boxed(sheet, [300, 380, 460, 540], [600, 620, 640, 660, 680])
        for y in range(4):  # six figures in each place: lines of a drawing
            for x in (62, 102):
                sheet.setFont("Helvetica", 5)
                sheet.drawString(x, 666 - 20 * y, "1 2 3 4 5 6")
            sheet.setFont("Helvetica", 10)
            for x, cell in enumerate([f"Gasket{y}", f"Copper{y}", f"Sealed{y}"]):
                sheet.drawString(304 + 80 * x, 666 - 20 * y, cell)

    text = converted(on_pages(draw)).text
    for y in range(4):
        assert all(f"{word}{y}" in text for word in ("Gasket", "Copper", "Sealed"))


def test_boxes_of_all_kinds_make_a_table():
    """Cells with a ground, thin boxes as lines, and paths of one line each."""

    def filled(sheet):
        for row in range(3):
            sheet.setFillGray(0.9)
            for column in range(3):
                sheet.rect(100 + 90 * column, 600 + 20 * row, 90, 20, stroke=0, fill=1)

    def thin(sheet):
        for x in (100, 190, 280, 370):
            sheet.rect(x, 600, 0.5, 60, stroke=0, fill=1)
        for y in (600, 620, 640, 660):
            sheet.rect(100, y, 270, 0.5, stroke=0, fill=1)

    rows = [("Part", "Torque", "Depth"), ("K-1", "101", "7"), ("K-2", "102", "8")]

    def page(ground: Callable[[Any], None]) -> Callable[[Any], None]:
        def draw(sheet):
            ground(sheet)
            sheet.setFillGray(0)
            for x in reversed(range(3)):  # by column, so that the order of drawing says nothing
                for y, row in enumerate(rows):
                    sheet.drawString(104 + 90 * x, 646 - 20 * y, row[x])

        return draw

    stroked = page(lambda sheet: boxed(sheet, [100, 190, 280, 370], [600, 620, 640, 660]))
    for draw in (page(filled), page(thin), stroked):
        assert "Part: K-2; Torque: 102; Depth: 8" in lines_of(on_pages(draw))


def test_headers_of_three_lines_go_and_rows_stay():
    """Left and right pages have their own headers, and numbers in them count with the pages."""
    pages = [
        "\n".join(
            [
                "Crane manual" if n % 2 else "Harbour works",
                f"Part {n // 5}, page {n + 1} of 12",
                f"K-{n * 37} {n * 41} {n * 13}",
                f"The hoist lifts {n * n} tons.",
                f"It has run {n * 17} hours.",
                f"Page {n + 1}",
            ]
        )
        for n in range(12)
    ]
    kept = without_running_lines(pages)
    assert kept[7] == "K-259 287 91\nThe hoist lifts 49 tons.\nIt has run 119 hours."


def test_what_was_filled_in_stands_beside_its_label():
    """Values are drawn after the page's own text, and a tick is no letter."""

    def draw(sheet):
        for n, (label, value) in enumerate((("Name:", "Zelda Quint"), ("Member since:", "2017"))):
            sheet.drawString(72, 700 - 40 * n, label)
            sheet.acroForm.textfield(
                name=label, x=160, y=695 - 40 * n, width=200, height=18, value=value
            )
        sheet.drawString(72, 620, "Newsletter:")
        sheet.acroForm.checkbox(name="letter", x=160, y=615, checked=True)

    lines = ["Name: Zelda Quint", "Member since: 2017", "Newsletter: ☒"]
    assert lines_of(on_pages(draw)) == lines


def test_a_layer_that_is_switched_off_is_not_read():
    from pypdf import PdfWriter
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject, StreamObject
    from pypdf.generic import TextStringObject as Text

    def named(**entries: Any) -> DictionaryObject:
        return DictionaryObject({NameObject(f"/{name}"): value for name, value in entries.items()})

    writer = PdfWriter(
        clone_from=io.BytesIO(on_pages(lambda sheet: sheet.drawString(72, 700, "Price 500.")))
    )
    layer = writer._add_object(named(Type=NameObject("/OCG"), Name=Text("old")))
    off = named(OFF=ArrayObject([layer]), Order=ArrayObject([layer]))
    writer._root_object[NameObject("/OCProperties")] = named(OCGs=ArrayObject([layer]), D=off)
    page = writer.pages[0]
    page["/Resources"][NameObject("/Properties")] = named(L1=layer)
    drawn = StreamObject()
    drawn._data = b"/OC /L1 BDC BT /F1 12 Tf 72 600 Td (Draft price 888.) Tj ET EMC"
    page[NameObject("/Contents")] = ArrayObject(
        [page.raw_get("/Contents"), writer._add_object(drawn)]
    )
    file = io.BytesIO()
    writer.write(file)
    assert converted(file.getvalue()).text == "Price 500."


def test_pages_are_known_by_what_is_printed_on_them():
    """Front matter, then numbers from 1. A page whose number is its own has no label."""
    from reportlab.pdfgen import canvas

    def made(*labels: tuple[int, str, int, str]) -> Converted:
        file = io.BytesIO()
        sheet = canvas.Canvas(file)
        for page, style, start, prefix in labels:
            sheet.addPageLabel(page, style, start, prefix)
        for n in range(4):
            sheet.drawString(72, 700, f"Sheet {n}")
            sheet.showPage()
        sheet.save()
        return converted(file.getvalue())

    front = made((0, "ROMAN_LOWER", 1, ""), (2, "ARABIC", 1, ""))
    assert front.labels == [(1, "i"), (2, "ii"), (3, "1"), (4, "2")]
    assert made((0, "ARABIC", 1, ""), (3, "ARABIC", 1, "A-")).labels == [(4, "A-1")]
    assert made().labels == []


def test_a_table_beside_another_is_no_part_of_its_last_row():
    """What is drawn after a table, but stands beside its top, begins something new."""
    left = [("Part", "Qty"), ("Bolt", "4"), ("Nut", "9"), ("Pin", "2")]
    right = [("Role", "Person"), ("Owner", "Ada"), ("Deputy", "Grace"), ("Cook", "Julia")]

    def draw(sheet):
        for x, rows in ((60, left), (330, right)):
            for y, row in enumerate(rows):
                for column, cell in enumerate(row):
                    sheet.drawString(x + 90 * column, 700 - 20 * y, cell)

    lines = lines_of(on_pages(draw))
    assert "Part: Pin; Qty: 2" in lines
    assert "Cook Julia" in lines


def test_tables_beside_each_other_have_rows_of_their_own():
    """Drawn one after the other, each of its lines short, like the cells of one column."""
    from reportlab.platypus import Table

    left = [
        ("Item", "Amount", "Share"),
        ("Wages", "1,200", "60%"),
        ("Rent", "500", "25%"),
        ("Oil", "300", "15%"),
    ]
    right = [("Town", "Snow"), ("Alta", "310"), ("Lund", "12"), ("Masi", "272")]
    both = [[Table(left, colWidths=[70, 60, 50]), Table(right, colWidths=[70, 60])]]
    lines = lines_of(flowing(Table(both, colWidths=[220, 180])))
    assert "Item: Rent; Amount: 500; Share: 25%" in lines
    assert "Town: Masi; Snow: 272" in lines


def test_names_of_columns_over_several_lines_above_rows():
    """Each was drawn as a paragraph of its own, so that they are no row."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, Table

    plain = getSampleStyleSheet()["Normal"]
    weight, price = (
        Paragraph(name, plain) for name in ("Net weight<br/>in kg", "Price<br/>per piece")
    )
    rows = [
        ("Item", weight, price),
        ("Bolt M8", "0.4", "1.20"),
        ("Bolt M10", "0.6", "1.70"),
        ("Nut", "0.1", "0.30"),
    ]
    lines = lines_of(
        flowing(Paragraph("All prices are net.", plain), Table(rows, colWidths=[100, 100, 100]))
    )
    assert lines[0] == "All prices are net."
    assert "Item: Bolt M10; Net weight in kg: 0.6; Price per piece: 1.70" in lines
