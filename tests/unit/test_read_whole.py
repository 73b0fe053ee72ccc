"""Small files in which something was once lost, changed or torn apart, each with what it must read as."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from reportlab.pdfgen import canvas

from pipelines.errors import InputError
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers
from tests import made


def lines(data: str | bytes, name: str) -> list[str]:
    content = data.encode() if isinstance(data, str) else data
    found = readers.read(content, kinds.mime_of(name), ReadLimits())
    return [line for line in found.text.split("\n") if line]


def page(body: str) -> str:
    return f"<html><body><h1>T</h1>{body}</body></html>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "<div role=table><div role=row><span role=columnheader>Zone</span>"
            "<span role=columnheader>Child</span></div><div role=row><span role=cell>A</span>"
            "<span role=cell>1.70</span></div><div role=row><span role=cell>B</span>"
            "<span role=cell>2.60</span></div></div>",
            ["Zone: A; Child: 1.70", "Zone: B; Child: 2.60"],
        ),
        ("<div role=heading aria-level=2>Fees</div><p>Nine.</p>", ["Fees", "Nine."]),
        ("<p>Room <select><option>Blue<option selected>Green 12</select></p>", ["Room Green 12"]),
        (
            "<label><input type=checkbox checked> Breakfast</label><br>"
            "<label><input type=radio> Parking</label>",
            ["☒ Breakfast", "☐ Parking"],
        ),
        (
            "<ol reversed><li>Ada<li>Bo<li>Cy</ol><ol start=5><li>five<li value=9>nine</ol>",
            ["3. Ada", "2. Bo", "1. Cy", "5. five", "9. nine"],
        ),
        (
            "<p>The <abbr title='Pressure safety valve'>PSV</abbr> opens.</p>",
            ["The PSV (Pressure safety valve) opens."],
        ),
        (
            "<dl><dt>Width</dt><dt>Breadth</dt><dd>411 mm</dd><dd>415 mm</dd><dt>Length</dt><dd>9 m</dd></dl>",
            ["Width, Breadth: 411 mm", "Width, Breadth: 415 mm", "Length: 9 m"],
        ),
    ],
)
def test_pages(body: str, expected: list[str]) -> None:
    assert lines(page(body), "a.html") == ["T", *expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([["City", "Snow"], ["Alta", 310], ["Lund", 12]], ["City: Alta; Snow: 310", "City: Lund; Snow: 12"]),
        (
            {"unit": "cm", "columns": ["City", "Snow"], "data": [["Alta", 310], ["Lund", 12]]},
            ["City: Alta; Snow: 310", "City: Lund; Snow: 12", "unit: cm"],
        ),
        (
            {"body": "<p>It is <b>45 euros</b>.</p><ul><li>paid yearly</li></ul>", "sign": "a < b"},
            ["body: It is 45 euros.", "- paid yearly", "sign: a < b"],
        ),
    ],
)  # fmt: skip
def test_json(value: Any, expected: list[str]) -> None:
    assert lines(json.dumps(value), "a.json") == expected


def test_json_with_comments_is_read_and_broken_json_is_not() -> None:
    text = '{\n // the port\n "port": 8451, /* two\n lines */ "at": "http://a//b", "c": ",]",\n}'
    assert lines(text, "a.json") == ["port: 8451", "at: http://a//b", "c: ,]"]
    with pytest.raises(InputError, match="it is no JSON"):
        lines('{"port": // 8451', "a.json")


def test_html_in_a_feed_is_read_as_text() -> None:
    feed = (
        "<rss><channel><item><title>Bridge</title><description><![CDATA[<p>It is <b>812 m</b>"
        " long.</p>]]></description></item></channel></rss>"
    )
    assert "rss.channel.item.description: It is 812 m long." in lines(feed, "a.xml")


def test_events_and_people_keep_their_folded_lines() -> None:
    event = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:9\r\nDTSTART:20240315T090000Z\r\n"
        "DTEND;TZID=Europe/Berlin:20240315T113000\r\nSUMMARY:Meeting of the har\r\n bour board\\, room 12\r\n"
        "ATTENDEE;CN=Vera Holm;ROLE=CHAIR:mailto:vera@example.org\r\nX-COLOUR:red\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    assert lines(event, "a.ics") == [
        "Start: 2024-03-15 09:00 UTC",
        "End: 2024-03-15 11:30 Europe/Berlin",
        "Summary: Meeting of the harbour board, room 12",
        "Attendee: Vera Holm (vera@example.org)",
        "X-COLOUR: red",
    ]
    card = (
        "BEGIN:VCARD\nVERSION:3.0\nN:Berg;Asa;;;\nFN:Asa Berg\nitem1.TEL;TYPE=CELL:+46 70 4471\n"
        "ADR;TYPE=HOME:;;12 Main St;Lund;;22100;\nNOTE:Works Mon\n days\\nPrefers mail\nEND:VCARD\n"
    )
    assert lines(card, "a.vcf") == [
        "Name: Asa Berg",
        "Telephone: +46 70 4471",
        "Postal address: 12 Main St, Lund, 22100",
        "Note: Works Mondays",
        "Prefers mail",
    ]


def test_colours_of_a_log_go() -> None:
    assert lines("\x1b[31mERROR\x1b[0m pump 4471", "a.log") == ["ERROR pump 4471"]


def test_rtf_notes_stand_in_their_place_and_hidden_text_does_not() -> None:
    source = (
        rb"{\rtf1\ansi\pard It lasts 9 days.{\super\chftn}{\footnote\pard\plain{\super\chftn} Or 12 in {\b May}.}"
        rb" Then it ends.\par{\b\v hidden}Shown {\*\annotation Check 44}text.\par{\vertalt}}"
    )
    assert lines(source, "a.rtf") == [
        "It lasts 9 days. (footnote: Or 12 in May.) Then it ends.",
        "Shown (comment: Check 44)text.",
    ]


def test_a_notebook_keeps_tables_and_faults() -> None:
    html = "<table><tr><th></th><th>city</th><th>snow</th></tr><tr><th>0</th><td>Alta</td><td>310</td></tr></table>"
    outputs = [
        {"data": {"text/html": [html], "text/plain": ["  city snow\n0 Alta 310"]}},
        {"ename": "KeyError", "evalue": "'rain'", "traceback": ["\x1b[31mKeyError\x1b[0m"]},
        {"data": {"text/markdown": ["**done**"]}},
    ]
    found = lines(
        made.notebook({"cell_type": "code", "source": "df", "outputs": outputs}), "a.ipynb"
    )
    assert found == ["df", "0; city: Alta; snow: 310", "KeyError: 'rain'", "KeyError", "**done**"]


def test_words_on_slides_say_where_they_lead() -> None:
    import pptx

    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Plan"
    run = slide.shapes.add_textbox(0, 0, 999, 999).text_frame.paragraphs[0].add_run()
    run.text, run.hyperlink.address = "the form", "https://example.org/form-5"
    file = io.BytesIO()
    show.save(file)
    assert "the form (https://example.org/form-5)" in lines(file.getvalue(), "a.pptx")


def test_remarks_and_links_of_a_pdf_are_read() -> None:
    file = io.BytesIO()
    sheet = canvas.Canvas(file)
    sheet.drawString(72, 760, "The price is 31 euros.")
    sheet.highlightAnnotation(
        "It must be 44", (72, 755, 190, 775), QuadPoints=[72, 775, 190, 775, 72, 755, 190, 755]
    )
    sheet.drawString(72, 720, "Fill in the form today.")
    sheet.linkURL("https://example.org/form-31", (72, 715, 148, 735))
    sheet.showPage()
    for number in range(12):  # references, and one file
        sheet.drawString(72, 700 - 20 * number, f"Source {number}")
        ending = ".pdf" if number == 7 else ""
        sheet.linkURL(
            f"https://example.org/{number}{ending}", (70, 695 - 20 * number, 140, 712 - 20 * number)
        )
    sheet.showPage()
    sheet.save()
    found = lines(file.getvalue(), "a.pdf")
    assert "(note: It must be 44)" in found
    assert "Fill in the form (https://example.org/form-31) today." in found
    assert [line for line in found if "https" in line][1:] == [
        "Source 7 (https://example.org/7.pdf)"
    ]


GRID = "+------+--------+\n| Part | Torque |\n+======+========+\n| K-51 | 118    |\n|      | to 120 |\n+------+--------+\n| K-52 | 171    |\n+------+--------+"


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (f"Parts:\n\n{GRID}\n\nThe end.", "a.rst", ["Parts:", "Part: K-51; Torque: 118 to 120", "Part: K-52; Torque: 171", "The end."]),
        ("+------+-----+\n| Part | Nm  |\n+------+-----+\n| K-51 | 118 |\n| K-52 | 171 |\n+------+-----+\n2 rows", "a.txt", ["Part: K-51; Nm: 118", "Part: K-52; Nm: 171", "2 rows"]),
        ("┌──────┬─────┐\n│ Part │ Nm  │\n├──────┼─────┤\n│ K-51 │ 118 │\n└──────┴─────┘", "a.log", ["Part: K-51; Nm: 118"]),
        ("| Part | Nm |\n|------+----|\n| K-51 | 118 |", "a.org", ["Part: K-51; Nm: 118"]),
        ("|===\n|Part |Nm\n\n|K-51 |118\n|===", "a.adoc", ["|===", "|Part |Nm", "|K-51 |118", "|==="]),
        ("  a | b\n  if x || y |\n| one bar", "a.txt", ["  a | b", "  if x || y |", "| one bar"]),
    ],
)  # fmt: skip
def test_tables_drawn_with_signs(text: str, name: str, expected: list[str]) -> None:
    assert lines(text, name) == expected


def test_numbers_kept_as_text_for_spreadsheets() -> None:
    assert lines('Code,Name\n="00123",Bolt\n="00456",Nut\n', "a.csv") == [
        "Code: 00123; Name: Bolt",
        "Code: 00456; Name: Nut",
    ]


def test_small_cents_are_no_power() -> None:
    body = "<p>Now €49<sup>99</sup>, 12 m<sup>2</sup>, 10<sup>99</sup>.</p>"
    assert lines(page(body), "a.html")[1] == "Now €49.99, 12 m², 10⁹⁹."


def test_tables_and_code_of_docbook() -> None:
    book = (
        "<book><title>Pumps</title><chapter><title>Oil</title><para>Use 46.</para><table><title>All</title>"
        "<tgroup><thead><row><entry>Part</entry><entry>Torque</entry></row></thead><tbody><row><entry>K-51</entry>"
        "<entry>118</entry></row></tbody></tgroup></table><programlisting>a = 1\n  b = 2</programlisting></chapter></book>"
    )
    assert lines(book, "a.xml") == [
        "Pumps",
        "Oil",
        "Use 46.",
        "All",
        "Part: K-51; Torque: 118",
        "a = 1",
        "  b = 2",
    ]


def test_words_of_rtf_say_where_they_lead() -> None:
    link = rb'{\field{\*\fldinst HYPERLINK "https://example.org/rtf-7"}{\fldrslt {\ul the form}}}'
    assert lines(rb"{\rtf1 See " + link + rb" today.\par}", "a.rtf") == [
        "See the form (https://example.org/rtf-7) today."
    ]


def test_a_report_says_why_a_mail_came_back() -> None:
    report = (
        b"From: m@example.org\nSubject: Undelivered\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary=B\n\n"
        b"--B\nContent-Type: text/plain\n\nYour mail failed.\n--B\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; bo@example.org\nStatus: 5.1.1\n--B--\n"
    )
    found = lines(report, "a.eml")
    assert "Your mail failed." in found
    assert "Status: 5.1.1" in found


def test_words_broken_at_the_end_of_a_line_are_whole() -> None:
    text = "The infor-\nmation on the well-\nknown pump. A well-known one.\n- part\nERR-\nCODE"
    assert lines(text, "a.txt") == [
        "The information on the well-known pump. A well-known one.",
        "- part",
        "ERR-CODE",
    ]
