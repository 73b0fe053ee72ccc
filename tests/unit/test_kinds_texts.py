"""Books, OpenDocument, RTF and old office files are read in their order, with their headings."""

import pytest

from pipelines.errors import InputError
from tests import made
from tests.kinds import read, titles


def test_a_book_is_read_in_its_order():
    found = read(made.book("<h1>One</h1><p>First.</p>", "<h1>Two</h1><p>Last.</p>"), "a.epub")
    assert titles(found) == [(1, "A book"), (1, "One"), (1, "Two")]
    assert found.text.index("First.") < found.text.index("Last.")
    assert "By A. Writer" in found.text


def test_a_protected_book_says_so():
    data = made.packed(
        {
            "META-INF/container.xml": made.CONTAINER,
            "OPS/book.opf": "<package/>",
            "META-INF/encryption.xml": '<e><EncryptionMethod Algorithm="aes256"/></e>',
        }
    )
    with pytest.raises(InputError, match="DRM"):
        read(data, "a.epub")


def test_an_open_text_is_read_with_numbers_tables_and_notes():
    outline = (
        '<text:outline-style><text:outline-level-style text:level="1" style:num-format="1"/>'
        '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>'
        "</text:outline-style>"
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1"'
        ' style:num-format="1"/></text:list-style>'
    )
    body = (
        "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Scope</text:h><text:h text:outline-level="2">Pumps</text:h>'
        '<text:p>A<text:s text:c="2"/>B<text:note text:note-class="footnote"><text:note-body>'
        "<text:p>Only since 2020.</text:p></text:note-body></text:note> end</text:p>"
        '<text:list text:style-name="L"><text:list-item><text:p>Open</text:p></text:list-item>'
        "<text:list-item><text:p>Close</text:p></text:list-item></text:list>"
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Part"
        "</text:p></table:table-cell><table:table-cell><text:p>Torque</text:p></table:table-cell>"
        "</table:table-row></table:table-header-rows><table:table-row><table:table-cell><text:p>"
        "K-53</text:p></table:table-cell><table:table-cell><text:p>171 Nm</text:p>"
        "</table:table-cell></table:table-row></table:table>"
        "<text:p><draw:frame><draw:image/><svg:desc>A map</svg:desc></draw:frame>"
        "<draw:frame><draw:image/></draw:frame></text:p>"
    )
    found = read(made.open_document("text", body, outline), "a.odt")
    assert found.text == (
        "1 Scope\n\n1.1 Pumps\n\nA B end\n\n(footnote: Only since 2020.)\n\n1. Open\n\n2. Close"
        "\n\nPart: K-53; Torque: 171 Nm\n\n(picture: A map)"
    )
    assert titles(found) == [(1, "1 Scope"), (2, "1.1 Pumps")]
    assert found.notes == ["1 picture not read"]


def test_an_open_sheet_is_read_as_it_is_shown():
    def cell(text, more=""):
        return f"<table:table-cell {more}><text:p>{text}</text:p></table:table-cell>"

    rows = (
        f"<table:table-row>{cell('Item')}{cell('Share')}{cell('Sum')}</table:table-row>"
        f"<table:table-row>{cell('Rent')}{cell('15%')}"
        '<table:table-cell table:formula="of:=A1+1"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1000000"><table:table-cell'
        ' table:number-columns-repeated="16000"/></table:table-row>'
    )
    hidden = (
        '<style:style style:name="H"><style:table-properties table:display="false"/></style:style>'
    )
    body = (
        f'<table:table table:name="Costs">{rows}</table:table>'
        f'<table:table table:name="old" table:style-name="H">{rows}</table:table>'
    )
    found = read(made.open_document("spreadsheet", body, automatic=hidden), "a.ods")
    assert found.text == "Costs\n\nItem: Rent; Share: 15%; Sum: =A1+1"
    assert found.notes == [
        "hidden sheet 'old' left out",
        "1 formula without a stored result, shown as written",
    ]


def test_open_slides_are_pages_in_the_order_they_are_read():
    def frame(text, more):
        return f"<draw:frame {more}><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"

    body = (
        "<draw:page>" + frame("below", 'svg:y="9cm"') + frame("above", 'svg:y="4cm"')
        + frame("Plan", 'presentation:class="title" svg:y="1cm"')
        + "<presentation:notes>" + frame("Say it slowly", "") + "</presentation:notes></draw:page>"
        + "<draw:page>" + frame("next", "") + "</draw:page>"
    )  # fmt: skip
    found = read(made.open_document("presentation", body), "a.odp")
    assert found.text == "Plan\n\nabove\n\nbelow\n\nSay it slowly\n\nnext"
    assert [page for _, page in found.pages] == [1, 2]
    assert titles(found) == [(1, "Plan")]


def test_rtf_is_read_with_its_tables():
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Gr\'fc\'dfe aus K\u246?ln\par"
        rb"\trowd\cellx1000\cellx2000\cellx3000 Part\cell Torque\cell Depth\cell\row"
        rb"\trowd\cellx1000\cellx2000\cellx3000 K-53\cell 171\cell 11\cell\row\pard After | all\par}"
    )
    found = read(data, "a.rtf")
    assert found.text == "Grüße aus Köln\n\nPart: K-53; Torque: 171; Depth: 11\n\nAfter | all"


def test_rtf_headings_are_those_of_its_styles():
    found = read(
        rb"{\rtf1{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}{\s7\ql \fs28 \snext0 Heading 2;}}"
        rb"\pard\plain \s1\sb240\outlinelevel0 Service\par\pard\plain \s0 Text.\par"
        rb"\pard\plain\s7 Cleaning\par\pard\plain Rinse it.\par\pard\outlinelevel2 Drying\par}",
        "a.rtf",
    )
    assert [(level, title) for _, level, title in found.headings] == [
        (1, "Service"),
        (2, "Cleaning"),
        (3, "Drying"),
    ]
    assert found.text == "Service\n\nText.\n\nCleaning\n\nRinse it.\n\nDrying"


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.doc", "it is an old Word file: install LibreOffice .* or save it as DOCX"),
        ("a.xls", "it is an old Excel file: install LibreOffice .* or save it as XLSX"),
        ("a.ppt", "it is an old PowerPoint file: install LibreOffice .* or save it as PPTX"),
    ],
)
def test_old_office_files_say_what_reads_them(name, said, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=said):
        read(OLD, name)


def test_libreoffice_makes_old_files_new(tmp_path, monkeypatch):
    """A program under its name copies a file that is ready. One that makes nothing is said."""
    import docx

    document = docx.Document()
    document.add_paragraph("The old berth costs 40 crowns.")
    document.save(tmp_path / "ready.docx")
    office = tmp_path / "soffice"
    office.write_text(f'#!/bin/sh\ncp {tmp_path}/ready.docx "$7/old.docx"\n')
    office.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = read(OLD, "a.doc")
    assert (found.text, found.mime) == ("The old berth costs 40 crowns.", "application/msword")
    office.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(InputError, match="LibreOffice cannot read it"):
        read(OLD, "a.doc")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.doc", rb"{\rtf1 Torque 171\par}"),
        ("a.doc", b"<html><body><p>Torque 171</p></body></html>"),
        ("a.xls", b"<table><tr><th>Part<th>Torque<tr><td>K-53<td>171</table>"),
        ("a.xls", b"Part\tTorque\nK-53\t171\n"),
    ],
)
def test_what_is_only_called_an_old_office_file_is_read(name, data):
    found = read(data, name).text
    assert "Torque 171" in found or "Torque: 171" in found
