"""Readers keep what citations and search need of each file type."""

import io

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import parse_xml
from reportlab.pdfgen import canvas

from pipelines.errors import InputError
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.kinds import mime_of

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def read(data: bytes, suffix: str, **limits):
    return readers.read(data, mime_of("file" + suffix), ReadLimits(**limits))


def pdf(*pages: str, **options) -> bytes:
    file = io.BytesIO()
    sheet = canvas.Canvas(file, **options)
    for page in pages:
        sheet.drawString(72, 700, page)
        sheet.showPage()
    sheet.save()
    return file.getvalue()


def test_pdf_pages_are_numbered():
    found = read(pdf("first page text", "second page text"), ".pdf")
    assert found.pages == [(0, 1), (found.text.index("second"), 2)]


def test_pdf_outline_becomes_headings_where_the_page_has_the_title():
    file = io.BytesIO()
    sheet = canvas.Canvas(file)
    for title, level in (("Terms", 0), ("Fees", 1)):
        sheet.bookmarkPage(title)
        sheet.addOutlineEntry(title, title, level)
        sheet.drawString(72, 700, "A line above the title.")
        sheet.drawString(72, 650, title)
        sheet.showPage()
    sheet.save()
    found = read(file.getvalue(), ".pdf")
    assert found.headings == [
        (found.text.index("Terms"), 1, "Terms"),
        (found.text.index("Fees"), 2, "Fees"),
    ]


def test_what_was_filled_into_a_pdf_form_is_read():
    file = io.BytesIO()
    sheet = canvas.Canvas(file)
    sheet.drawString(72, 700, "Name:")
    sheet.acroForm.textfield(value="Ada Lovelace", x=120, y=690, width=200, height=20)
    sheet.save()
    assert "Ada Lovelace" in read(file.getvalue(), ".pdf").text


def test_damaged_pdf_says_so():
    with pytest.raises(InputError, match="damaged"):
        read(b"%PDF-1.7\n" + b"\x00garbage" * 40, ".pdf")


def test_pdf_without_text_says_so():
    with pytest.raises(InputError, match="no text layer"):
        read(pdf(""), ".pdf")


def test_pdf_with_an_empty_password_opens_and_with_another_says_so():
    from reportlab.lib.pdfencrypt import StandardEncryption

    opens = pdf("open to all", encrypt=StandardEncryption("", "owner"))
    assert "open to all" in read(opens, ".pdf").text
    with pytest.raises(InputError, match="needs a password"):
        read(pdf("closed", encrypt=StandardEncryption("secret", "owner")), ".pdf")


def test_docx_tables_boxes_and_controls_are_read_in_order():
    """Plain paragraph reading finds only the first of these four texts."""
    document = docx.Document()
    document.add_heading("Terms", level=1)
    document.add_paragraph("A plain paragraph.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Fee", "12 euros"
    box = f"<w:txbxContent {W}><w:p><w:r><w:t>Text in a box</w:t></w:r></w:p></w:txbxContent>"
    document.add_paragraph().add_run()._r.append(parse_xml(box))
    control = f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>In a control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    document.element.body.insert(4, parse_xml(control))
    file = io.BytesIO()
    document.save(file)
    found = read(file.getvalue(), ".docx")
    assert found.headings == [(0, 1, "Terms")]
    places = [
        found.text.index(x) for x in ("A plain", "Fee: 12 euros", "Text in a box", "In a control")
    ]
    assert places == sorted(places)


def test_docx_has_pages_only_where_word_noted_them():
    document = docx.Document()
    document.add_paragraph("One paragraph.")
    file = io.BytesIO()
    document.save(file)
    assert read(file.getvalue(), ".docx").pages == []
    document.paragraphs[0].add_run()._r.append(parse_xml(f"<w:lastRenderedPageBreak {W}/>"))
    document.add_paragraph("On the second page.")
    file = io.BytesIO()
    document.save(file)
    assert [page for _, page in read(file.getvalue(), ".docx").pages] == [1, 2]


def test_slides_are_pages_with_titles_tables_groups_and_notes():
    show = pptx.Presentation()
    for title in ("Plan", "Costs"):
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text = title
    table = slide.shapes.add_table(1, 2, 0, 0, 9, 9).table
    table.cell(0, 0).text, table.cell(0, 1).text = "Fee", "12 euros"
    slide.shapes.add_group_shape().shapes.add_textbox(0, 0, 9, 9).text_frame.text = "In a group"
    slide.notes_slide.notes_text_frame.text = "Say this"
    file = io.BytesIO()
    show.save(file)
    found = read(file.getvalue(), ".pptx")
    assert [(level, title) for _, level, title in found.headings] == [(1, "Plan"), (1, "Costs")]
    assert [page for _, page in found.pages] == [1, 2]
    assert all(x in found.text for x in ("Fee: 12 euros", "In a group", "Say this"))


def test_xlsx_rows_carry_their_column_names_and_sheet():
    book = openpyxl.Workbook()
    book.active.title = "Prices"
    for row in (["item", "price"], ["pear", 3], ["apple", 2]):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    found = read(file.getvalue(), ".xlsx")
    assert found.headings == [(0, 1, "Prices")]
    assert "item: apple; price: 2" in found.text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_delimiters_are_found(delimiter):
    data = "\n".join(
        delimiter.join(row) for row in (["name", "team"], ["Ann", "red"], ["Bo", "blue"])
    )
    assert "name: Bo; team: blue" in read(data.encode(), ".csv").text


def test_a_title_above_a_table_is_not_its_header():
    found = read(b"Stanley Cups,,\nTeam,Location,Cups\nBlues,STL,1\n", ".csv")
    assert found.text == "Stanley Cups\n\nTeam: Blues; Location: STL; Cups: 1"


def test_html_scripts_do_not_leak():
    page = "<html><body><script>var secret = 1</script><h1>News</h1><p>" + "Body text. " * 40
    found = read(page.encode(), ".html")
    assert "secret" not in found.text
    assert "Body text." in found.text


def test_html_page_without_main_text_is_read_whole_with_its_headings():
    """Extraction mistakes lists of links for menus. A page of nothing else keeps them."""
    links = "".join(f"<li><a href='/{n}'>Entry number {n}</a></li>" for n in range(40))
    found = read(
        f"<html><body><h2>An <b>index</b></h2><ul>{links}</ul></body></html>".encode(), ".html"
    )
    assert "Entry number 39" in found.text
    assert [(level, title) for _, level, title in found.headings] == [(2, "An index")]


def test_markdown_heading_keeps_its_sharp():
    found = read(b"# About C#\ntext\n## Closed ##\nmore", ".md")
    assert [title for _, _, title in found.headings] == ["About C#", "Closed"]


def test_markdown_headings_but_not_those_in_code():
    found = read(b"# One\ntext\n```\n# no heading\n```\n## Two\nmore", ".md")
    assert [(level, title) for _, level, title in found.headings] == [(1, "One"), (2, "Two")]


def test_office_file_that_expands_too_far_is_refused():
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"0" * 20_000_000)
    with pytest.raises(InputError, match="expands to 20 MB"):
        read(file.getvalue(), ".docx", expanded_mb=10)


def _on_pages(*draws, **options) -> bytes:
    """A PDF with a page for each function that draws on it."""
    file = io.BytesIO()
    sheet = canvas.Canvas(file, **options)
    for draw in draws:
        draw(sheet)
        sheet.showPage()
    sheet.save()
    return file.getvalue()


def test_a_table_drawn_by_columns_is_read_by_rows():
    def draw(sheet):
        sheet.drawString(72, 730, "Shelves in cm")
        for column, cells in enumerate(
            (["Name", "Ravel", "Satie"], ["Height", "182", "140"], ["Width", "64", "80"])
        ):
            for row, cell in enumerate(cells):
                sheet.drawString(72 + 120 * column, 700 - 20 * row, cell)

    assert "Name: Satie; Height: 140; Width: 80" in read(_on_pages(draw), ".pdf").text


def test_columns_of_prose_stay_columns():
    lines = ["The trams of the", "depot stand here", "during the night,", "and they leave it"]

    def draw(sheet):
        for column in range(2):
            for row, line in enumerate(lines):
                sheet.drawString(72 + 200 * column, 700 - 14 * row, line)

    text = read(_on_pages(draw), ".pdf").text
    assert text.startswith("\n".join(lines))


def test_text_outside_the_crop_box_is_not_read():
    file = io.BytesIO()
    sheet = canvas.Canvas(file, cropBox=(0, 300, 595, 842))
    sheet.drawString(72, 700, "The price is 81,500.")
    sheet.drawString(72, 100, "Draft price 77,000.")
    sheet.save()
    assert read(file.getvalue(), ".pdf").text == "The price is 81,500."


def test_typed_notes_and_attached_files_are_read():
    from pypdf import PdfReader, PdfWriter
    from pypdf.annotations import FreeText, Text

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Delivery note"))))
    writer.add_annotation(0, FreeText(text="Gate code 4417", rect=(50, 50, 200, 90)))
    writer.add_annotation(0, Text(text="ask Rosa", rect=(50, 150, 70, 170)))
    writer.add_attachment("prices.txt", b"The pump costs 90 EUR.")
    writer.add_attachment("tool.exe", b"x")
    file = io.BytesIO()
    writer.write(file)
    found = read(file.getvalue(), ".pdf")
    own = "Delivery note\n\nGate code 4417\n\n(note: ask Rosa)"
    assert found.text == f"{own}\n\nprices.txt\n\nThe pump costs 90 EUR."
    assert found.pages == [(0, 1), (len(own) + 2, 0)]
    assert found.headings == [(len(own) + 2, 1, "prices.txt")]
    assert found.notes == ["1 file of a kind that Attune does not read: tool.exe"]


def _ruled(columns, rows, lines=True, drawn_by_columns=True) -> bytes:
    """A page with a table 100 points wide a column and 20 high a row, drawn column by column."""

    def draw(sheet):
        sheet.drawString(72, 760, "Above the table.")
        for n in range(len(columns) + 1):
            if lines:
                sheet.line(72 + 100 * n, 700, 72 + 100 * n, 700 - 20 * (len(rows) + 1))
        for n in range(len(rows) + 2):
            if lines:
                sheet.line(72, 700 - 20 * n, 72 + 100 * len(columns), 700 - 20 * n)
        for n, name in enumerate(columns):
            for m, cell in enumerate([name, *(row[n] for row in rows)]):
                sheet.drawString(76 + 100 * n, 686 - 20 * m, cell)
        sheet.drawString(72, 500, "Below the table.")

    return _on_pages(draw)


def test_a_table_with_lines_is_read_by_its_cells():
    """Texts, in the order of columns: without its lines nobody knows which belong together."""
    rows = [
        ("Leidos", "El Segundo", "Layoff"),
        ("Bosch", "", "Closure"),
        ("Macys", "Napa", "Layoff"),
    ]
    found = read(_ruled(("Company", "City", "Kind"), rows), ".pdf")
    assert found.text == (
        "Above the table.\n\nCompany: Leidos; City: El Segundo; Kind: Layoff\n\n"
        "Company: Bosch; Kind: Closure\n\nCompany: Macys; City: Napa; Kind: Layoff\n\n"
        "Below the table."
    )


def test_lines_that_part_no_table_leave_the_text_as_it_is():
    """A shaded part of a table, whose labels and other columns stand outside of it, is none."""

    def draw(sheet):
        for n in range(5):
            sheet.line(200, 700 - 20 * n, 400, 700 - 20 * n)
            sheet.drawString(72, 686 - 20 * n, f"Label {n} of row")
            sheet.drawString(210, 686 - 20 * n, "First word")
            sheet.drawString(310, 686 - 20 * n, "Second word")
        for n in range(3):
            sheet.line(200 + 100 * n, 700, 200 + 100 * n, 620)

    assert "Label 1 of row First word Second word" in read(_on_pages(draw), ".pdf").text


def test_boxes_of_a_form_that_cut_words_are_no_table():
    def draw(sheet):
        for n in range(4):
            sheet.line(72, 700 - 20 * n, 272, 700 - 20 * n)
            sheet.line(72 + 66 * n, 700, 72 + 66 * n, 640)
        for n in range(3):
            sheet.drawString(76, 686 - 20 * n, "Spouse's social security number goes here")

    found = read(_on_pages(draw), ".pdf").text
    assert found.count("Spouse's social security number goes here") == 3
