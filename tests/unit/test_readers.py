"""Readers keep what citations and search need of each file type."""

import io

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from reportlab.pdfgen import canvas

from pipelines import readers
from pipelines.convert import MIME_BY_SUFFIX, Limits
from pipelines.errors import InputError

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def read(data: bytes, suffix: str, **limits):
    return readers.read(data, MIME_BY_SUFFIX[suffix], Limits(**limits))


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
        found.text.index(x) for x in ("A plain", "Fee | 12 euros", "Text in a box", "In a control")
    ]
    assert places == sorted(places)


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


def test_html_scripts_do_not_leak():
    page = "<html><body><script>var secret = 1</script><h1>News</h1><p>" + "Body text. " * 40
    found = read(page.encode(), ".html")
    assert "secret" not in found.text
    assert "Body text." in found.text


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
