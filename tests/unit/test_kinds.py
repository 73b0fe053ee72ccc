"""More kinds of files: each is read in its order, with its headings, within limits."""

import io
import zipfile
from email.message import EmailMessage

import pytest

from pipelines.errors import InputError
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.members import why
from tests import made
from tests.unit.test_readers import pdf


def read(data: bytes, name: str, **limits):
    return readers.read(data, kinds.mime_of(name), ReadLimits(**limits))


def titles(found) -> list[tuple[int, str]]:
    return [(level, title) for _, level, title in found.headings]


def test_every_kind_has_a_reader():
    known = {*readers._READERS, *readers._HOLDERS}
    assert known == {kind.mime for kind in kinds.KINDS}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.tar.gz", "TAR"), ("A.PDF", "PDF"), ("Makefile", "source code"), ("x/README", "text")],
)
def test_a_kind_is_known_by_its_name(name, kind):
    assert kinds.kind_of(name).name == kind


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("old.dot", ".dot files are not read; save it as DOCX"),
        ("x.gz", ".gz files are not read; unpack it"),
        ("noending", "files without an ending are not read; save it as one of PDF, Word"),
        (".md", "files without an ending"),
    ],
)
def test_what_is_not_read_says_what_to_do(name, said):
    with pytest.raises(InputError) as refused:
        kinds.mime_of(name)
    assert str(refused.value).startswith(said)


def test_a_mail_is_read_with_its_attachments():
    inner = made.mail("The valve is DN 80.", subject="Valve")
    found = read(
        made.mail(
            "The pumps arrive on Friday.",
            attached={
                "terms.pdf": pdf("Payment within 14 days", "Second page"),
                "old.eml": inner,
                "tool.exe": b"MZ\x00",
                "empty.txt": b"",
            },
        ),
        "a.eml",
    )
    assert titles(found) == [
        (1, "Delivery of the pumps"),
        (1, "terms.pdf"),
        (2, "page 1"),
        (2, "page 2"),
        (1, "old.eml"),
        (2, "Valve"),
    ]
    for text in ("From: Ada <ada@example.org>", "arrive on Friday", "within 14 days", "DN 80"):
        assert text in found.text
    assert [found.text[at:].startswith(t) for at, _, t in found.headings if "page" not in t] == [
        True
    ] * 4
    page_2 = next(at for at, _, title in found.headings if title == "page 2")
    assert found.text[page_2:].startswith("Second page")
    assert found.notes == [
        "'empty.txt' not read: it is empty (0 bytes)",
        "1 file of a kind that Attune does not read: tool.exe",
    ]


def test_a_mail_in_a_mail_and_its_html_are_read():
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("See the attached mail.")
    inner = EmailMessage()
    inner["Subject"] = "Prices"
    inner.set_content("See the table.")
    inner.add_alternative(
        "<table><tr><th>Part</th><th>Price</th></tr><tr><td>K-53</td><td>171 EUR</td></tr></table>",
        subtype="html",
    )
    outer.add_attachment(inner)
    found = read(outer.as_bytes(), "a.eml")
    assert "See the attached mail." in found.text
    assert "Part: K-53; Price: 171 EUR" in found.text
    assert (1, "Prices.eml") in titles(found)


def test_an_outlook_mail_is_read_with_its_attachments():
    found = read(made.outlook("Offer", "We offer 12 pumps.", {"a.txt": b"Valid to May"}), "a.msg")
    assert found.text == "Offer\n\nWe offer 12 pumps.\n\na.txt\n\nValid to May"
    assert titles(found) == [(1, "Offer"), (1, "a.txt")]


def test_a_mail_of_an_unknown_charset_is_read():
    raw = (
        b"Subject: Hi\r\nContent-Type: text/plain; charset=x-nobody\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    )
    assert "Grüße" in read(raw, "a.eml").text


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.eml", b"\x00\x01 no mail", "no head of a mail"),
        ("a.msg", b"no mail", "no Outlook mail"),
        ("a.zip", b"PK no zip", "not a complete ZIP"),
        ("a.tar", b"no tar", "not a complete TAR"),
        ("a.epub", b"no zip", "damaged"),
        ("a.odt", b"no zip", "damaged"),
        ("a.odt", made.packed({"content.xml": "<x/>"}), "no readable document"),
        ("a.rtf", b"no rtf", "does not begin like an RTF"),
        ("a.json", b'{"a": 1,', "no JSON (line 1"),
        ("a.json", b"[" * 100_000, "nested"),
        ("a.jsonl", b"no\nlines", "none of its lines is JSON"),
        ("a.xml", b"<a><b></a>", "no XML"),
        ("a.ipynb", b"{}", "no complete notebook"),
        ("a.srt", b"only text", "no lines with times"),
    ],
)
def test_what_is_damaged_says_so(name, data, said):
    with pytest.raises((InputError, RecursionError)) as refused:
        read(data, name)
    assert said in why(refused.value)


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


def test_json_values_carry_their_names_and_numbers_stay_as_written():
    value = (
        '{"device": {"name": "K-53", "limit": 1.50}, "parts": [{"id": 1, "size": {"w": 2}},'
        ' {"id": 2, "tags": ["a", "b"], "steps": [{"n": 1, "do": "open"}, {"n": 2, "do": "x"}]}],'
        f' "curve": {list(range(200))}}}'
    )
    found = read(value.encode(), "a.json")
    assert "device.name: K-53\ndevice.limit: 1.50" in found.text
    assert "id: 1; size.w: 2" in found.text
    assert "id: 2; tags: a, b" in found.text
    assert "n: 1; do: open" in found.text
    assert found.notes == ["1 list of more than 100 numbers left out"]


def test_json_lines_name_the_lines_that_are_none():
    found = read(b'{"a": 1, "b": "x"}\nnothing\n{"a": 2, "b": "y"}\n', "a.jsonl")
    assert found.text == "a: 1; b: x\n\na: 2; b: y"
    assert found.notes == ["1 line not read, which is no JSON: 2"]


def test_xml_of_values_and_xml_of_texts():
    values = (
        b"<list><item id='7'><name>Pump</name></item><item id='8'><name>Valve</name></item></list>"
    )
    assert "id: 7; name: Pump" in read(values, "a.xml").text
    text = b"<book><title>Use</title><section><title>Start</title><para>Press <b>On</b>.</para></section></book>"
    found = read(text, "a.xml")
    assert found.text == "Use\n\nStart\n\nPress On."
    assert titles(found) == [(1, "Use"), (2, "Start")]


def test_xml_opens_no_other_file():
    data = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>safe</b><c>&x;</c></a>'
    assert "root:" not in read(data, "a.xml").text


def test_a_notebook_is_read_with_what_it_printed():
    found = read(
        made.notebook(
            {"cell_type": "markdown", "source": ["# Load\n", "Reads the file."]},
            {
                "cell_type": "code",
                "source": "if x:\n    print(x)",
                "outputs": [
                    {"text": ["42\n"]},
                    {"data": {"image/png": "iVBOR", "text/plain": "<Figure>"}},
                ],
            },
        ),
        "a.ipynb",
    )
    assert found.text == "Load\n\nReads the file.\n\nif x:\n    print(x)\n\n42"
    assert found.notes == ["1 picture not read"]


def test_subtitles_stand_under_their_time():
    srt = (
        b"1\r\n00:00:01,000 --> 00:00:03,000\r\n<i>Hello</i>\r\nthere\r\n\r\n"
        b"2\r\n00:00:04,000 --> 00:00:05,000\r\nhow are you\r\n\r\n"
        b"3\r\n00:01:05,500 --> 00:01:06,000\r\nFine\r\n"
    )
    found = read(srt, "a.srt")
    assert found.text == "At 0:00:01\n\nHello there\nhow are you\n\nAt 0:01:05\n\nFine"
    vtt = b"WEBVTT\n\nNOTE no\n\n00:05.000 --> 00:06.000 align:start\n<v Ada>Yes</v>\n"
    assert read(vtt, "a.vtt").text == "At 0:00:05\n\nAda: Yes"


def test_source_code_keeps_its_form_and_names_what_it_defines():
    code = b"class Pump:\n    def start(self):\n        return 1\n\n\ndef stop():\n    pass\n"
    found = read(code, "a.py")
    assert found.text == code.decode().replace("\n\n\n", "\n\n").rstrip("\n")
    assert titles(found) == [(1, "Pump"), (3, "start"), (1, "stop")]


def test_archives_are_read_to_their_depth():
    deep = made.packed({"d/deep.txt": "at the bottom"})
    for _ in range(2):
        deep = made.packed({"in.zip": deep})
    found = read(made.packed({"a.md": "# Title\n\ntext", "in.zip": deep, "x.bin": b"1"}), "a.zip")
    assert "at the bottom" in found.text
    assert titles(found)[:2] == [(1, "a.md"), (2, "Title")]
    assert found.notes == ["1 file of a kind that Attune does not read: x.bin"]
    flat = read(made.packed({"a.txt": "top", "in.zip": deep}), "a.zip", depth=2)
    assert flat.text == "a.txt\n\ntop"
    assert "packed more than 2 times" in flat.notes[0]


def test_what_an_archive_may_hold_is_limited():
    many = {f"{n}.txt": f"text {n}" for n in range(10)}
    found = read(made.packed(many), "a.zip", members=3)
    assert found.text.count("text") == 3
    assert found.notes == [
        "7 files left out: at most 3 files of 200 MB together are read from one document"
    ]
    bomb = made.packed({"small.txt": "small", "zeros.txt": b"0" * 3_000_000, "late.txt": "late"})
    found = read(bomb, "a.zip", members_mb=1)
    assert found.text == "small.txt\n\nsmall"
    assert found.notes[0].startswith("2 files left out")


def test_a_tar_follows_no_links_and_says_what_is_damaged():
    found = read(made.tarred({"a.txt": b"one", "b.json": b"{"}), "a.tar.gz")
    assert found.text == "a.txt\n\none"
    assert found.notes[0].startswith("'b.json' not read: the file is damaged")
    with pytest.raises(InputError, match="damaged"):
        read(made.tarred({"a.txt": b"one " * 5000})[:60], "a.tgz")


@pytest.mark.parametrize("way", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_entry_is_named_and_the_others_are_read(way):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bad.txt", "hello world " * 400, compress_type=way)
        archive.writestr("good.txt", "fine text")
    data = bytearray(packed.getvalue())
    for place in range(45, 70):
        data[place] ^= 0x5A
    found = read(bytes(data), "a.zip")
    assert found.text == "good.txt\n\nfine text"
    assert found.notes[0].startswith("'bad.txt' not read: the file is damaged")


def test_an_archive_without_readable_files_says_why():
    with pytest.raises(InputError, match=r"no text in it \(1 file of a kind .*: a.bin\)"):
        read(made.packed({"a.bin": b"1"}), "a.zip")


def test_an_encrypted_entry_is_named():
    data = bytearray(made.packed({"secret.txt": "hidden", "open.txt": "shown"}))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1  # the flag of encryption in the directory
    found = read(bytes(data), "a.zip")
    assert found.text == "open.txt\n\nshown"
    assert found.notes == ["'secret.txt' not read: it needs a password"]


def test_the_upload_list_is_the_table():
    assert ".tar.gz" in kinds.endings()
    assert "makefile" in kinds.whole_names()
    assert kinds.readable().startswith("PDF, Word, ")
