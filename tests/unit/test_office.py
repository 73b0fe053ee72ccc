"""Word and PowerPoint are read as their pages show them, and what is not read is said."""

import io
import time
import zipfile

import docx
import pptx
import pytest
from docx.oxml import parse_xml
from docx.shared import Pt
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.kinds import mime_of
from pipelines.indexing.readers.ocr import inner
from pipelines.indexing.readers.office.elements import join_paragraphs

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def read(data: bytes, suffix: str):
    return readers.read(data, mime_of("file" + suffix), ReadLimits())


def saved(document) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def of_xml(*paragraphs: str):
    """A Word file with these paragraphs, given as XML."""
    document = docx.Document()
    for xml in paragraphs:
        document.element.body.insert(-1, parse_xml(xml.replace(">", f" {W} {M}>", 1)))
    return read(saved(document), ".docx")


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ("<w:r><w:t>1</w:t><w:noBreakHyphen/><w:t>24 hours</w:t></w:r>", "1-24 hours"),
        ('<w:r><w:t>47 k</w:t><w:sym w:font="Symbol" w:char="F057"/></w:r>', "47 kΩ"),
        ('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t> paid</w:t></w:r>', "☑ paid"),
        ("<w:r><w:t>pass</w:t><w:softHyphen/><w:t>word</w:t></w:r>", "password"),
        ("<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins>", "new"),
        ("<w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom><w:r><w:t>stays</w:t></w:r>", "stays"),
        ("<m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>", "(a+b)/2"),
        ("<w:ruby><w:rt><w:r><w:t>とう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東</w:t></w:r></w:rubyBase></w:ruby>", "東"),
        ('<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="Bergen"/>'
         '<w:listEntry w:val="Rotterdam"/></w:ddList></w:ffData></w:fldChar><w:instrText>FORMDROPDOWN</w:instrText></w:r>', "Rotterdam"),
    ],
)  # fmt: skip
def test_what_a_run_shows_is_read(runs, text):
    assert of_xml(f"<w:p>{runs}</w:p>").text == text


def test_paragraphs_whose_parting_was_deleted_are_one():
    """The end of the first two is a tracked deletion. A table is not drawn into the paragraph before it."""
    gone = "<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>"
    parts = [
        f"<w:p>{gone}<w:r><w:t>The fee is </w:t></w:r></w:p>",
        f"<w:p>{gone}<w:r><w:t>40 euros </w:t></w:r></w:p>",
        "<w:p><w:pPr/><w:r><w:t>a year.</w:t></w:r></w:p>",
        f"<w:p>{gone}<w:r><w:t>Before the table</w:t></w:r></w:p>",
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>in it</w:t></w:r></w:p></w:tc></w:tr></w:tbl>",
    ]
    assert of_xml(*parts).text == "The fee is 40 euros a year.\n\nBefore the table\n\nin it"


def test_joining_thousands_of_deleted_paragraphs_moves_each_child_once():
    """Twenty times as many take about twenty times as long; a square would take four hundred."""

    def took(count: int) -> float:
        gone = "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p>"
        body = parse_xml(f"<w:body {W}>{gone * count}<w:p/></w:body>")
        started = time.process_time()
        join_paragraphs(body)
        spent = time.process_time() - started
        assert len(body) == 1
        return spent

    assert took(20_000) < 100 * max(took(1_000), 0.005)


def test_hidden_text_is_left_out_and_said():
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:t>open</w:t></w:r>"
    found = of_xml(f"<w:p>{hidden}</w:p>")
    assert (found.text, found.notes) == ("open", ["1 hidden text left out"])


def _numbered() -> docx.document.Document:
    document = docx.Document()
    levels = "".join(
        f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for n, (kind, text) in enumerate([("decimal", "%1."), ("decimal", "%1.%2"), ("lowerLetter", "(%3)")])
    )  # fmt: skip
    numbering = document.part.numbering_part.element
    numbering.insert(
        0, parse_xml(f'<w:abstractNum {W} w:abstractNumId="90">{levels}</w:abstractNum>')
    )
    numbering.append(parse_xml(f'<w:num {W} w:numId="91"><w:abstractNumId w:val="90"/></w:num>'))
    for level, text in [
        (0, "Services"),
        (1, "Lifts"),
        (0, "Fees"),
        (1, "Yearly"),
        (1, "Late"),
        (2, "Bank"),
    ]:
        paragraph = document.add_paragraph(text)
        paragraph._p.get_or_add_pPr().append(
            parse_xml(f'<w:numPr {W}><w:ilvl w:val="{level}"/><w:numId w:val="91"/></w:numPr>')
        )
    return document


def test_computed_numbers_are_read():
    assert read(saved(_numbered()), ".docx").text.split("\n\n") == [
        "1. Services", "1.1 Lifts", "2. Fees", "2.1 Yearly", "2.2 Late", "(a) Bank",
    ]  # fmt: skip


def test_headings_by_style_basis_and_outline_level():
    document = docx.Document()
    own = document.styles.add_style("Kapitel", 1)
    own.base_style = document.styles["Heading 2"]
    document.add_paragraph("Trips", style=own)
    marked = document.add_paragraph("Goods")
    marked._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {W} w:val="0"/>'))
    local = document.styles.add_style("Überschrift 3", 1)
    local.font.size = Pt(12)
    document.add_paragraph("Urlaub", style=local)
    found = read(saved(document), ".docx").headings
    assert [(level, title) for _, level, title in found] == [
        (2, "Trips"),
        (1, "Goods"),
        (3, "Urlaub"),
    ]


def test_letterheads_and_footers_are_read_once():
    document = docx.Document()
    document.add_paragraph("Dear customer")
    document.sections[0].header.paragraphs[0].text = "Harbour Lifts Ltd, Quay 4"
    document.sections[0].footer.paragraphs[0].text = "Account 5577-01"
    document.add_section().header.is_linked_to_previous = False
    document.sections[1].header.paragraphs[0].text = "Harbour Lifts Ltd, Quay 4"
    text = read(saved(document), ".docx").text
    assert text.split("\n\n") == ["Harbour Lifts Ltd, Quay 4", "Dear customer", "Account 5577-01"]


def test_comments_stand_after_their_paragraph():
    document = docx.Document()
    first = document.add_paragraph("Pay within ten days.")
    document.add_comment(first.runs[0], text="Agreed in May", author="Lind")
    document.add_paragraph("The end.")
    assert read(saved(document), ".docx").text.split("\n\n") == [
        "Pay within ten days.", "(comment by Lind: Agreed in May)", "The end.",
    ]  # fmt: skip


def test_merged_and_nested_tables():
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for row, texts in zip(
        table.rows,
        (["Region", "Product", "Units"], ["South", "Valves", "655"], ["", "Pumps", "918"]),
        strict=True,
    ):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    outer = document.add_table(rows=1, cols=2)
    outer.cell(0, 0).text = "Sensor"
    inner = outer.cell(0, 1).add_table(rows=2, cols=2)
    for row, texts in zip(inner.rows, (["Class", "IP67"], ["Pressure", "2.4 bar"]), strict=True):
        row.cells[0].text, row.cells[1].text = texts
    lines = read(saved(document), ".docx").text.split("\n\n")
    assert "Region: South; Product: Pumps; Units: 918" in lines
    assert {"Sensor; Class: IP67", "Sensor; Pressure: 2.4 bar"} <= set(lines)


def test_charts_pictures_and_reading_order_of_a_slide(monkeypatch):
    from PIL import Image

    monkeypatch.setattr(inner, "engine_name", lambda: None)

    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    for text, top, left in (("third", 3, 1), ("second", 1.05, 5), ("first", 1, 1)):
        slide.shapes.add_textbox(Inches(left), Inches(top), 99, 99).text_frame.text = text
    data = CategoryChartData()
    data.categories = ["North", "South"]
    data.add_series("Tickets", (412, 97))
    chart = slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, 0, Inches(5), Inches(4), Inches(3), data
    ).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Tickets by region"
    picture = io.BytesIO()
    Image.new("RGB", (9, 9)).save(picture, "PNG")
    slide.shapes.add_picture(picture, 0, Inches(6))._element.nvPicPr.cNvPr.set("descr", "")
    found = read(saved(show), ".pptx")
    assert found.text.split("\n\n") == [
        "first", "second", "third", "Tickets by region", "North; Tickets: 412", "South; Tickets: 97",
    ]  # fmt: skip
    assert found.notes == ["1 picture not read"]


def test_smart_art_is_read():
    """The texts of a diagram stand in a part of their own, which the drawing points to."""
    made, changed = io.BytesIO(saved(docx.Document())), io.BytesIO()
    dgm = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
    main = "http://schemas.openxmlformats.org/drawingml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    drawing = f'<w:p><w:r><w:drawing><x:relIds xmlns:x="{dgm}" xmlns:r="{rel}" r:dm="rId77"/></w:drawing></w:r></w:p>'
    data = f'<d:dataModel xmlns:d="{dgm}" xmlns:a="{main}"><d:ptLst><d:pt modelId="1"><d:t><a:p><a:r><a:t>Order</a:t></a:r></a:p></d:t></d:pt></d:ptLst></d:dataModel>'
    relation = f'<Relationship Id="rId77" Type="{rel}/diagramData" Target="diagrams/data1.xml"/>'
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode("utf-8", "surrogateescape")
            if name == "word/document.xml":
                content = content.replace("<w:sectPr", f"{drawing}<w:sectPr", 1)
            if name == "word/_rels/document.xml.rels":
                content = content.replace("</Relationships>", f"{relation}</Relationships>")
            new.writestr(name, content.encode("utf-8", "surrogateescape"))
        new.writestr("word/diagrams/data1.xml", data)
    assert read(changed.getvalue(), ".docx").text == "- Order"


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ('<w:r><w:t>10</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>6</w:t></w:r>', "10⁶"),
        ("<w:r><w:rPr><w:strike/></w:rPr><w:t>700</w:t></w:r><w:r><w:t> 800</w:t></w:r>", "(struck out: 700) 800"),
        ('<w:r><w:t>a</w:t><w:ptab w:alignment="right"/><w:t>99</w:t></w:r>', "a 99"),
        ('<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "https://a.example/f.pdf"</w:instrText></w:r>'
         '<w:r><w:t>the form</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>', "the form (https://a.example/f.pdf)"),
        ("<w:r><w:t>def f():</w:t><w:br/><w:t xml:space='preserve'>    return 7</w:t></w:r>", "def f():\n    return 7"),
    ],
)  # fmt: skip
def test_what_a_run_looks_like_is_kept(runs, text):
    """A power, a struck word, a gap, where a link leads, and what was indented."""
    assert of_xml(f"<w:p>{runs}</w:p>").text == text


def test_a_link_says_where_it_leads():
    document = docx.Document()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
    link = document.part.relate_to("https://example.org/form-17.pdf", kind, is_external=True)
    paragraph = document.add_paragraph("Sign ")
    paragraph._p.append(
        parse_xml(
            f'<w:hyperlink {W} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
            f' r:id="{link}"><w:r><w:t>the form</w:t></w:r></w:hyperlink>'
        )
    )
    paragraph.add_run(" today.")
    text = read(saved(document), ".docx").text
    assert text == "Sign the form (https://example.org/form-17.pdf) today."


def test_a_chart_shows_percents_and_a_hidden_slide_is_said():
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    data = CategoryChartData(number_format="0%")
    data.categories = ["Rent", "Pay"]
    data.add_series("Cost", (0.25, 0.75))
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, 5_000_000, 4_000_000, data)
    slide._element.set("show", "0")
    found = read(saved(show), ".pptx")
    assert "Rent; Cost: 25%" in found.text
    assert found.notes == ["1 hidden slide read as well"]
