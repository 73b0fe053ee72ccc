"""What small formats write in ways of their own: contacts, RTF, lists, charts, code beside numbers."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from pptx import Presentation
from pptx.chart.data import BubbleChartData, CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.counting import counts_pages
from pipelines.indexing.readers.kinds import mime_of
from pipelines.text.encodings.decode import decode

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
RUSSIAN = "Поезд отправляется в семь часов утра с третьего пути. Билет стоит 340 рублей."


def _read(data: str | bytes, name: str) -> Converted:
    data = data.encode() if isinstance(data, str) else data
    return readers.read(data, mime_of(name), ReadLimits())


def _text(data: str | bytes, name: str) -> str:
    return _read(data, name).text


@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"])
def test_a_short_cyrillic_text_is_decoded(encoding: str) -> None:
    """Two sentences are enough to tell in which of the Cyrillic encodings they are."""
    assert decode(RUSSIAN.encode(encoding))[0] == RUSSIAN


def test_a_few_bytes_of_windows_do_not_spoil_utf8() -> None:
    """A line that somebody added in another encoding leaves the rest of the file as it is."""
    text, encoding = decode("The café opens.\n".encode() + b"A na\xefve guest pays 5 \x80.\n")
    assert (text, encoding) == ("The café opens.\nA naïve guest pays 5 €.\n", "utf-8")


def test_cdata_of_xhtml_is_read() -> None:
    """Text in a CDATA section is text of the page."""
    page = f"<html {XHTML}><body><p>Lock 7 rises <![CDATA[5 m & more]]>.</p></body></html>"
    assert "Lock 7 rises 5 m & more." in _text(page, "a.xhtml")


def test_code_beside_its_line_numbers_keeps_its_indentation() -> None:
    """A table that puts numbers next to lines of code is code."""
    cells = "<td><pre>1\n2</pre></td><td><pre>def run():\n    wait(42)</pre></td>"
    text = _text(f"<p>Text</p><table><tr>{cells}</tr></table>", "a.html")
    assert text.endswith("def run():\n    wait(42)")


def test_tables_in_cells_stand_under_the_label_of_their_row() -> None:
    """The rows of a table in a cell say which row they belong to, and stand below it."""
    inner = "<table><tr><th>Part<th>Count<tr><td>Valve<td>412</table>"
    rows = f"<tr><th>Hall<th>Holds<tr><td>Hall A<td>{inner}<tr><td>Hall B<td>nothing"
    found = _text(f"<table>{rows}</table>", "a.html").split("\n\n")
    assert found == ["Hall A", "Hall A; Part: Valve; Count: 412", "Hall: Hall B; Holds: nothing"]


def test_terms_that_are_not_closed() -> None:
    """Two terms for one meaning, and elements of one's own side by side."""
    page = "<dl><dt>Catenary<dt>Overhead line<dd>750 volts<dd>from 1904</dl>"
    page += "<x-tabs><x-tab>Diesel 40</x-tab><x-tab>Electric 24</x-tab></x-tabs>"
    text = _text(page, "a.html")
    assert "Catenary, Overhead line: 750 volts" in text
    assert "Catenary, Overhead line: from 1904" in text
    assert "Diesel 40 Electric 24" in text.replace("  ", " ")


def test_an_old_contact_has_a_name_and_an_address() -> None:
    """A contact without a full name has it from its parts, and encoded letters are decoded."""
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\n"
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen;;Dr.;\r\n"
        "ADR;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:;;Hafenstra=C3=9Fe 9;Kiel;;24103;=\r\n"
        "Germany\r\nEND:VCARD\r\nBEGIN:VCARD\r\nN:Quay;Zoe;;;\r\nFN:Zoe Quay\r\nEND:VCARD\r\n"
    )
    text = _text(card, "a.vcf")
    assert text.startswith("Name: Dr. Jürgen Müller\n")
    assert "Hafenstraße 9, Kiel, 24103, Germany" in text
    assert text.count("Zoe") == 1


def test_a_calendar_without_its_time_zone() -> None:
    """When clocks are changed is no event."""
    zone = "BEGIN:VTIMEZONE\nBEGIN:STANDARD\nDTSTART:19701025T030000\nEND:STANDARD\nEND:VTIMEZONE\n"
    event = "BEGIN:VEVENT\nSUMMARY:Visit\nDTSTART:20250601T140000\nEND:VEVENT\n"
    text = _text(f"BEGIN:VCALENDAR\n{zone}{event}END:VCALENDAR\n", "a.ics")
    assert text == "Summary: Visit\nStart: 2025-06-01 14:00"


def test_rtf_shows_labels_objects_and_edges() -> None:
    """Numbers of a list, what is shown for an object, and a short line above the page."""
    body = r"{\header\pard Account 882\par}{\footer\pard Page 3\par}"
    body += r"{\pntext 3.\tab}Numbered item\par{\object{\*\objdata 01}{\result\pard Shown 893\par}}"
    text = _text(rf"{{\rtf1\ansi {body}}}", "a.rtf")
    assert "Account 882" in text
    assert "3. Numbered item" in text
    assert "Shown 893" in text
    assert "Page 3" not in text


def test_rtf_cells_merged_downwards() -> None:
    """A cell merged with the one above it says the same."""
    edges = r"\cellx2000\cellx4000\cellx6000"
    rows = rf"\trowd\clvmgf{edges}\intbl Essen\cell Nuts\cell 5\cell\row"
    rows += rf"\trowd\clvmrg{edges}\intbl\cell Bolts\cell 6\cell\row"
    assert "Essen; Bolts; 6" in _text(rf"{{\rtf1\ansi {rows}\pard End\par}}", "a.rtf")


@pytest.mark.parametrize(
    ("text", "is_count"),
    [("Page 3 of 12", True), ("- 4 -", True), ("第3页", True), ("Account 882", False), ("", True)],
)
def test_lines_that_only_count_pages(text: str, is_count: bool) -> None:
    """Words for pages and numbers are a count. Any other word is content."""
    assert counts_pages(text) is is_count


def _odt(body: str, styles: str) -> bytes:
    names = ["office", "text", "table", "style"]
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names
    )
    content = (
        f"<office:document-content {spaces}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr("content.xml", content)
    return stream.getvalue()


def test_open_document_lists_are_numbered_as_shown() -> None:
    """Letters in brackets on the second level, and a list that goes on after a paragraph."""
    number = "text:list-level-style-number text:level"
    styles = f'<text:list-style style:name="L"><{number}="1" style:num-format="1" '
    styles += f'style:num-suffix="."/><{number}="2" style:num-format="a" style:num-prefix="(" '
    styles += 'style:num-suffix=")"/></text:list-style>'
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('Sub one', '')}{item.format('Sub two', '')}</text:list>"
    start = '<text:list text:style-name="L"'
    body = f"{start}>{item.format('First', inner)}{item.format('Second', '')}</text:list>"
    body += "<text:p>Between</text:p>"
    body += f'{start} text:continue-numbering="true">{item.format("Third", "")}</text:list>'
    lines = _text(_odt(body, styles), "a.odt").split("\n\n")
    assert lines == ["1. First", "(a) Sub one", "(b) Sub two", "2. Second", "Between", "3. Third"]


def test_chart_categories_of_two_levels_and_bubbles() -> None:
    """Each category says its group, and each bubble its size."""
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    levels = CategoryChartData()
    year = levels.add_category("2023")
    year.add_sub_category("H1")
    year.add_sub_category("H2")
    levels.add_category("2024").add_sub_category("H1")
    levels.add_series("Ships", (31, 32, 33))
    bubbles = BubbleChartData()
    bubbles.add_series("Towns").add_data_point(3, 4, 917)
    place = [Inches(n) for n in (1, 1, 4, 4)]
    slide.shapes.add_chart(XL_CHART_TYPE.BAR_CLUSTERED, *place, levels)
    slide.shapes.add_chart(XL_CHART_TYPE.BUBBLE, *place, bubbles)
    stream = io.BytesIO()
    deck.save(stream)
    text = _text(stream.getvalue(), "a.pptx")
    assert "2023 H2; Ships: 32" in text
    assert "3; Towns: 4; size of Towns: 917" in text


def test_json_records_one_after_the_other() -> None:
    """JSON Lines under the name of JSON are read as what they are."""
    assert _text('{"a": 1}\n{"a": 2}\n', "a.json") == "a: 1\n\na: 2"


def test_the_outline_of_a_map_is_left_out_and_said() -> None:
    """Points of a polygon are many numbers in lists of their own."""
    points = [[[n, n + 1] for n in range(100)]]
    feature = {"properties": {"name": "Pier 5"}, "geometry": {"coordinates": points}}
    found = _read(json.dumps({"features": [feature]}), "a.geojson")
    assert "coordinates" not in found.text
    assert found.notes == ["1 list of more than 100 numbers left out"]


def test_entities_in_values_and_captions() -> None:
    """An ampersand that was escaped is one."""
    assert _text('{"body": "Open &amp; warm"}', "a.json") == "body: Open & warm"
    cue = "WEBVTT\n\n00:01.000 --> 00:04.000\nAt six &amp; ten.\n"
    assert _text(cue, "a.vtt").endswith("At six & ten.")


def test_headings_of_an_old_notebook() -> None:
    """A cell that is a heading is one."""
    cells = [{"cell_type": "heading", "level": 2, "source": "Setup"}]
    cells += [{"cell_type": "markdown", "source": "Text"}]
    found = _read(json.dumps({"worksheets": [{"cells": cells}]}), "a.ipynb")
    assert [heading[1:] for heading in found.headings] == [(2, "Setup")]


def test_quotes_after_backslashes_in_csv() -> None:
    """A comma between quotes that were escaped by backslashes ends no cell."""
    text = _text('name,quote,n\nAda,"she said \\"go\\", ok",5\nBob,"no",6\n', "a.csv")
    assert text.split("\n\n")[0] == 'name: Ada; quote: she said "go", ok; n: 5'


def test_a_picture_chapter_of_a_book() -> None:
    """The text of a drawing that is a chapter of its own is read."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as book:
        root = '<rootfile full-path="c.opf"/>'
        book.writestr(
            "META-INF/container.xml", f"<container><rootfiles>{root}</rootfiles></container>"
        )
        item = '<item id="p" href="p.svg" media-type="image/svg+xml"/>'
        book.writestr("c.opf", f'<package>{item}<spine><itemref idref="p"/></spine></package>')
        book.writestr(
            "p.svg", '<svg xmlns="http://www.w3.org/2000/svg"><text>Cover 948</text></svg>'
        )
    assert "Cover 948" in _text(stream.getvalue(), "a.epub")


def test_a_second_text_of_a_mail_is_read() -> None:
    """What stands below an attachment is a part of its own, and the other form of a text is not."""
    part = "--B\nContent-Type: text/plain\n\n{}\n"
    attached = '--B\nContent-Type: text/csv; name="a.csv"\n\nItem,Qty\nRope,9\n'
    body = f"{part.format('Intro 4491')}{attached}{part.format('Outro 4492')}--B--\n"
    head = (
        "From: a@b.c\nSubject: two\nMIME-Version: 1.0\nContent-Type: multipart/{}; boundary=B\n\n"
    )
    text = _text(head.format("mixed") + body, "a.eml")
    assert "Intro 4491" in text
    assert "Outro 4492" in text
    html = "--B\nContent-Type: text/html\n\n<p>Intro 4491</p>\n--B--\n"
    both = _text(head.format("alternative") + part.format("Intro 4491") + html, "a.eml")
    assert both.count("4491") == 1


def test_what_is_left_out_of_a_heading_goes_whole() -> None:
    """The brackets and the link beside a heading of a wiki are no part of it."""
    edit = '<span class="mw-editsection">[<a href="/e">edit</a>]</span>'
    found = _read(f"<h1>Ship</h1><h2>History{edit}</h2><p>Built in 1931.</p>", "a.html")
    assert [title for _, _, title in found.headings] == ["Ship", "History"]


def test_a_title_over_a_table_of_facts_is_no_header() -> None:
    """The name above a box of facts is not the name of its first column."""
    rows = "<tr><th colspan=2>Kestrel</th></tr><tr><th>Owner</th><td>Lind</td></tr>"
    rows += "<tr><th>Length</th><td>88.4 m</td></tr>"
    assert "Length: 88.4 m" in _text(f"<p>Text</p><table>{rows}</table>", "a.html")


def test_a_workbook_saved_as_xml_has_rows() -> None:
    """What Excel saves as XML is read row by row, with the names of its columns."""
    name = "urn:schemas-microsoft-com:office:spreadsheet"
    rows = [["Name", "Room", "Ext"], ["Ida", "12", "5577"]]
    cell = "<Cell><Data>{}</Data></Cell>"
    body = "".join(f"<Row>{''.join(map(cell.format, row))}</Row>" for row in rows)
    body += f'<Row>{cell.format("Ulf")}<Cell ss:Index="3"><Data>5578</Data></Cell></Row>'
    text = _text(
        f'<Workbook xmlns="{name}" xmlns:ss="{name}"><Worksheet ss:Name="Staff"><Table>{body}'
        "</Table></Worksheet></Workbook>",
        "a.xml",
    )
    assert text.split("\n\n") == ["Staff", "Name: Ida; Room: 12; Ext: 5577", "Name: Ulf; Ext: 5578"]
