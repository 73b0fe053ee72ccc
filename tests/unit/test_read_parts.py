"""What stands in odd places of a file, or was written by newer programs, is read where it is shown."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from lxml import etree
from openpyxl.chart import BarChart, Reference
from pptx import Presentation
from pptx.util import Inches
from reportlab.pdfgen import canvas

from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers
from tests import made

MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
MAIN = "http://schemas.openxmlformats.org/drawingml/2006/main"
SHOW = "http://schemas.openxmlformats.org/presentationml/2006/main"
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
A14 = "http://schemas.microsoft.com/office/drawing/2010/main"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def read(data: str | bytes, name: str) -> Converted:
    content = data.encode() if isinstance(data, str) else data
    return readers.read(content, kinds.mime_of(name), ReadLimits())


def lines(data: str | bytes, name: str) -> list[str]:
    return [line for line in read(data, name).text.split("\n") if line]


def word(body: str, parts: dict[str, bytes] | None = None) -> bytes:
    """A Word file. Its parts are known as r0, r1 and so on."""
    names = f'xmlns:w="{WORD}" xmlns:r="{RELATIONS}" xmlns:mc="{MC}"'
    names += ' xmlns:v="urn:v" xmlns:o="urn:schemas-microsoft-com:office:office"'
    files = list((parts or {}).items())
    related = "".join(
        f'<Relationship Id="r{n}" Type="{RELATIONS}/aFChunk" Target="{name}"/>'
        for n, (name, _) in enumerate(files)
    )
    return made.packed(
        {
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="d"'
            f' Type="{RELATIONS}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f"<w:document {names}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{PACKAGE}">{related}'
            "</Relationships>",
            **{f"word/{name}": data for name, data in files},
        }
    )


def said(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def slides(fill: Callable[[Any, Any], None]) -> bytes:
    show = Presentation()
    fill(show, show.slides.add_slide(show.slide_layouts[6]))
    file = io.BytesIO()
    show.save(file)
    return file.getvalue()


def box(holder: Any, text: str, top: int = 1) -> Any:
    shape = holder.shapes.add_textbox(Inches(1), Inches(top), Inches(4), Inches(1))
    shape.text_frame.text = text
    return shape


def workbook(fill: Callable[[Any], None]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(file)
    return file.getvalue()


def test_a_box_that_only_older_programs_get_is_read():
    old = f"<w:pict><v:shape><v:textbox><w:txbxContent>{said('Box.')}</w:txbxContent></v:textbox></v:shape></w:pict>"
    both = f"<mc:Choice><w:drawing>{old}</w:drawing></mc:Choice><mc:Fallback>{old}</mc:Fallback>"
    for inner in (f"<mc:Choice/><mc:Fallback>{old}</mc:Fallback>", both):
        body = f"<w:p><w:r><mc:AlternateContent>{inner}</mc:AlternateContent></w:r></w:p>"
        assert lines(word(said("Top.") + body), "a.docx") == ["Top.", "Box."]


def test_parts_and_embedded_documents_of_a_word_file_are_read():
    table = workbook(lambda book: [book.active.append(row) for row in (["a", "b", "c"], [1, 2, 3])])
    page = b"<html><body><ul><li>Chunk of 12 litres</li></ul></body></html>"
    body = (
        '<w:altChunk r:id="r0"/><w:p><w:r><w:object><o:OLEObject r:id="r1"/></w:object></w:r></w:p>'
        '<w:p><w:r><w:object><o:OLEObject r:id="r2"/></w:object></w:r></w:p><w:altChunk r:id="r3"/>'
    )
    parts = {"c.html": page, "t.xlsx": table, "o.bin": b"x", "bad.docx": b"no package"}
    found = read(word(said("Top.") + body, parts), "a.docx")
    assert found.text.split("\n\n") == ["Top.", "- Chunk of 12 litres", "Sheet", "a: 1; b: 2; c: 3"]
    assert found.notes == [
        "1 embedded object not read",
        "'bad.docx' not read: the file is damaged: it is not a complete Office file",
    ]


def test_shapes_for_newer_programs_equations_and_fields_of_slides():
    def fill(_: Any, slide: Any) -> None:
        shape = box(slide, "Area ")._element
        paragraph = shape.findall(f".//{{{MAIN}}}p")[0]
        math = f'<m:oMath xmlns:m="{MATH}"><m:r><m:t>A=12</m:t></m:r></m:oMath>'
        paragraph.append(etree.fromstring(f'<a14:m xmlns:a14="{A14}">{math}</a14:m>'))
        field = f'<a:fld xmlns:a="{MAIN}" id="1"><a:t>, 31.12.2026</a:t></a:fld>'
        paragraph.append(etree.fromstring(field))
        holder = etree.fromstring(
            f'<mc:AlternateContent xmlns:mc="{MC}"><mc:Choice/></mc:AlternateContent>'
        )
        shape.getparent().replace(shape, holder)
        holder[0].append(shape)
        box(slide, "Below.", 3)

    assert lines(slides(fill), "a.pptx") == ["Area A=12, 31.12.2026", "Below."]


def test_steps_on_slides_have_their_numbers():
    def fill(_: Any, slide: Any) -> None:
        frame = box(slide, "Open").text_frame
        for text in ("left", "right", "Wait", "End"):
            frame.add_paragraph().text = text
        kinds = ("arabicPeriod", "alphaLcParenR", "alphaLcParenR", "arabicPeriod", "")
        for paragraph, kind, level in zip(frame.paragraphs, kinds, (0, 1, 1, 0, 0), strict=True):
            paragraph.level = level
            if kind:
                number = f'<a:buAutoNum xmlns:a="{MAIN}" type="{kind}"/>'
                paragraph._p.get_or_add_pPr().append(etree.fromstring(number))

    assert lines(slides(fill), "a.pptx") == ["1. Open", "a) left", "b) right", "2. Wait", "End"]


def test_what_a_layout_shows_on_its_slides_is_read_once():
    def fill(show: Any, slide: Any) -> None:
        box(slide, "Own.")
        box(show.slides.add_slide(slide.slide_layout), "Other.")
        shape = f"""<p:sp xmlns:p="{SHOW}" xmlns:a="{MAIN}"><p:nvSpPr><p:cNvPr id="99" name="x"/>
            <p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r>
            <a:t>Hotline 0800 4711</a:t></a:r></a:p></p:txBody></p:sp>"""
        slide.slide_layout.shapes._spTree.append(etree.fromstring(shape))

    assert lines(slides(fill), "a.pptx") == ["Own.", "Hotline 0800 4711", "Other."]


def test_chart_sheets_and_what_is_printed_around_a_sheet():
    def fill(book: Any) -> None:
        for row in (["Month", "Sold", "Left"], ["May", 41, 3]):
            book.active.append(row)
        book.active.oddHeader.center.text = "Stock list of hall nine &P"
        book.active.oddFooter.center.text = "Page &P"
        chart = BarChart()
        chart.title = "Sales in tons"
        chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=2))
        book.create_chartsheet("C").add_chart(chart)

    assert lines(workbook(fill), "a.xlsx") == [
        "Sheet", "Stock list of hall nine", "Month: May; Sold: 41; Left: 3", "(chart: Sales in tons)",
    ]  # fmt: skip


def test_values_of_an_open_sheet_that_no_program_has_shown():
    def cell(kind: str, value: str) -> str:
        return f'<table:table-cell office:{kind}="{value}"/>'

    def row(*cells: str) -> str:
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    head = row(*(f"<table:table-cell><text:p>{name}</text:p></table:table-cell>" for name in "ABC"))
    body = row(cell("value", "171"), cell("string-value", "deep"), cell("date-value", "2026-03-03"))
    sheet = f'<table:table table:name="S">{head}{body}</table:table>'
    data = made.open_document("spreadsheet", sheet)
    assert lines(data, "a.ods") == ["S", "A: 171; B: deep; C: 2026-03-03"]


def test_hidden_rows_and_columns_of_an_open_sheet_are_said():
    cells = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    row = "<table:table-row{}>" + cells * 2 + "</table:table-row>"
    hidden = ' table:visibility="collapse"'
    columns = (
        f"<table:table-column/><table:table-column{hidden} table:number-columns-repeated='9'/>"
    )
    empty = f"<table:table-row{hidden} table:number-rows-repeated='900'><table:table-cell/></table:table-row>"
    rows = row.format("", "Part", "Stock") + row.format(' table:visibility="filter"', "Bolt", "7")
    sheet = f'<table:table table:name="S">{columns}{rows}{empty}</table:table>'
    found = read(made.open_document("spreadsheet", sheet), "a.ods")
    assert found.text == "S\n\nPart: Bolt; Stock: 7"
    assert found.notes == [
        f"1 hidden {what} of sheet 'S' read as well" for what in ("row", "column")
    ]


def test_a_group_of_an_open_slide_stands_where_its_shapes_do():
    def shape(kind: str, top: int, text: str) -> str:
        return f'<draw:{kind} svg:y="{top}cm"><text:p>{text}</text:p></draw:{kind}>'

    group = f"<draw:g>{shape('rect', 9, 'Low.')}</draw:g>"
    page = f"<draw:page>{group}{shape('custom-shape', 1, 'High.')}</draw:page>"
    assert lines(made.open_document("presentation", page), "a.odp") == ["High.", "Low."]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"{\rtf1\ansi{\header Kestrel Works, ref 4711\par}{\footer Page \chpgn\par}Body.\par}",
         ["Kestrel Works, ref 4711", "Body."]),
        (r"{\rtf1\ansi One.\par{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt Boxed.\par}}}Two.\par}",
         ["One.", "Boxed.", "Two."]),
        (r"{\rtf1\ansi One.\par{\*\do\dobxpage{\dptxbxtext Old box.\par}}Two.\par}",
         ["One.", "Old box.", "Two."]),
    ],
)  # fmt: skip
def test_boxes_and_letterheads_of_rtf(source: str, expected: list[str]):
    assert lines(source, "a.rtf") == expected


def test_entities_that_an_xml_file_defines_and_no_others():
    start = '<!DOCTYPE d [<!ENTITY co "Kestrel"><!ENTITY f SYSTEM "file:///etc/passwd">'
    many = '<!ENTITY b "&co;&co;">'
    text = read(f"{start}{many}]><d><p>&co; Works, <b>hall</b> &co; 9 &f;&b;</p></d>", "a.xml").text
    assert text == "Kestrel Works, hall Kestrel 9 &f;&b;"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<div><span class=k>Voltage</span><span class=v>230 V</span></div>", ["Voltage 230 V"]),
        ("<div><span class=a>$</span><span class=b>45</span></div>", ["$45"]),
        ("<p><span class=cap>The</span><span class=b>m</span></p>", ["Them"]),
        ("<table><tr><th>Feature<th>Basic<th>Pro<tr><td>Export<td><svg role=img aria-label=No></svg>"
         "<td><i class=tick title=Yes></i></table>", ["Feature: Export; Basic: No; Pro: Yes"]),
        ("<object data=a.svg><p>Plan with exits E1 and E2</p></object>", ["Plan with exits E1 and E2"]),
        ("<table><thead><tr><th>A<th>B<th>C</thead><tfoot><tr><td>sum<td>9<td>8</tfoot><tbody><tr><td>x"
         "<td>1<td>2</tbody></table>", ["A: x; B: 1; C: 2", "A: sum; B: 9; C: 8"]),
        ("<p>Film:</p><video><p>Your browser shows no films.</p></video>", ["Film:"]),
        ("<table><tr><td><b>Name</b><br>Ines Roth<br>Karl Beck<td><b>Phone</b><br>4411<br>4422</table>",
         ["Name: Ines Roth; Phone: 4411", "Name: Karl Beck; Phone: 4422"]),
        ("<table><tr><td>Quay 5<br>Leer<td>Mon 8-12<br>Sat 9-11</table>",
         ["Quay 5, Leer: Mon 8-12, Sat 9-11"]),
        ("<table><tr><td colspan=2>Ferry<tr><td>Times<td><h2>Fares</h2><p>One ride is 4.20 euros.</p></table>",
         ["Ferry", "Times", "Fares", "One ride is 4.20 euros."]),
        ("<p>In 1980<a class=footnote-ref href='#f'>3</a> it burnt, <a class=note href='#g'>9</a> died.</p>",
         ["In 1980³ it burnt, 9 died."]),
    ],
)  # fmt: skip
def test_labels_signs_and_stand_ins_of_pages(body: str, expected: list[str]):
    assert lines(f"<html><body><h1>T</h1>{body}</body></html>", "a.html") == ["T", *expected]


def drawn(*places: tuple[int, int, str]) -> list[str]:
    file = io.BytesIO()
    page = canvas.Canvas(file)
    for left, top, text in places:
        page.drawString(left, top, text)
    page.save()
    return lines(file.getvalue(), "a.pdf")


def test_lines_drawn_in_another_order_are_read_from_the_top():
    said = [(60, 500, "Third, C-3."), (60, 700, "First, A-1."), (60, 600, "Second, B-2.")]
    assert drawn(*said) == ["First, A-1.", "Second, B-2.", "Third, C-3."]


def test_columns_that_do_not_stand_at_one_height_keep_their_order():
    left = [(60, 700 - 14 * n, f"Left column, line {n}") for n in range(6)]
    right = [(320, 707 - 14 * n, f"Right column, line {n}") for n in range(6)]
    assert drawn(*right, *left) == [text for _, _, text in right + left]
