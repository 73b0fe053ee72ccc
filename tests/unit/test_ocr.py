"""Pages and pictures without text are read by OCR where it is installed, and named where not."""

import io
from functools import partial

import pytest
from PIL import Image
from reportlab.pdfgen import canvas

from pipelines.errors import InputError
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.load.meter import Meter
from pipelines.indexing.readers import kinds, pictures
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.ocr import engine, inner
from pipelines.indexing.readers.ocr.engine import Recognised, of_tsv
from pipelines.indexing.readers.pdf import document, scans
from pipelines.indexing.readers.pdf.layers import is_garbled
from pipelines.progress import Progress
from tests import made
from tests.scans import encoded, picture, scanned

needs_ocr = pytest.mark.skipif(
    engine.engine_name() is None, reason="neither tesseract nor RapidOCR is installed"
)


def read(data: bytes, name: str, **limits):
    return readers.read(data, kinds.mime_of(name), ReadLimits(**limits))


@pytest.fixture
def without_ocr(monkeypatch):
    for module in (document, engine, pictures, scans):
        monkeypatch.setattr(module, "engine_name", lambda: None)


@needs_ocr
def test_scanned_pages_are_read_and_marked():
    found = read(scanned("The first page.", picture("The excess is 450 euros"), "End."), "a.pdf")
    assert "The excess is 450 euros" in found.text
    place = found.text.index("The excess")
    assert found.text[found.pages[1][0] : place].startswith("(read by OCR, ")
    assert [page for _, page in found.pages] == [1, 2, 3]
    assert found.notes[0].startswith("1 of 3 pages read by OCR (")
    assert found.notes[0].endswith("% sure): 2")


@needs_ocr
def test_a_long_scan_says_how_far_it_is():
    """From the process that reads it to the line of progress, page by page of those without text."""
    pages = [picture(f"Line number {n}", size=(700, 200)) for n in range(2)]
    file = Incoming("scan.pdf", "scan.pdf", bytes)
    told: list[Progress] = []
    meter = Meter([file], told.append)
    with Converter() as reader:
        reader.convert(scanned("Text.", *pages), "scan.pdf", partial(meter.recognising, file))
        assert "Text." in reader.convert(b"Text.", "next.txt").text
    assert [(one.stage, one.item) for one in told] == [
        ("reading", "scanned page 1 of 2 of scan.pdf"),
        ("reading", "scanned page 2 of 2 of scan.pdf"),
    ]


@needs_ocr
def test_a_page_that_shows_no_text_is_named():
    found = read(scanned("Words.", Image.new("RGB", (400, 200), "grey")), "a.pdf")
    assert found.notes == ["1 of 2 pages has no text layer, and OCR found no text: 2"]


@needs_ocr
@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
def test_pictures_are_documents(kind, ending):
    found = read(encoded(picture("Meeting at seven"), kind), f"a.{ending}")
    assert "Meeting at seven" in found.text


@needs_ocr
def test_frames_of_a_tiff_are_pages():
    frames = [picture("First frame"), picture("Second frame")]
    data = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    found = read(data, "a.tiff")
    assert [page for _, page in found.pages] == [1, 2]
    assert "Second frame" in found.text[found.pages[1][0] :]


@needs_ocr
def test_time_for_ocr_is_limited():
    found = read(scanned("The first page.", picture("Never read")), "a.pdf", ocr_s=0)
    assert found.notes == ["1 of 2 pages has no text layer and was not read: 2"]


def test_without_ocr_pages_are_named_and_pictures_refused(without_ocr):
    found = read(scanned("The first page.", picture("lost"), picture("lost")), "a.pdf")
    assert found.text == "The first page."
    assert found.notes == ["2 of 3 pages have no text layer and were not read: 2, 3"]
    with pytest.raises(InputError, match=r"no text layer.*install tesseract-ocr"):
        read(scanned(picture("lost")), "a.pdf")
    with pytest.raises(InputError, match=r"it is a picture.*install tesseract-ocr"):
        read(encoded(picture("lost"), "PNG"), "a.png")
    archive = made.packed({"a.txt": "kept", "b.png": encoded(picture("lost"), "PNG")})
    assert read(archive, "a.zip").notes[0].startswith("'b.png' not read: it is a picture")


def test_an_empty_page_is_no_scan(without_ocr):
    file = io.BytesIO()
    sheet = canvas.Canvas(file)
    sheet.drawString(72, 700, "first")
    sheet.showPage()
    sheet.showPage()
    sheet.rect(72, 600, 99, 99, fill=1)
    sheet.save()
    found = read(file.getvalue(), "a.pdf")
    assert found.notes == ["1 of 3 pages has no text layer and was not read: 3"]


@needs_ocr
def test_damaged_and_huge_pictures_are_refused():
    with pytest.raises(InputError, match="damaged"):
        read(encoded(picture("x"), "PNG")[:300], "a.png")
    huge = encoded(Image.new("1", (40_000, 40_000)), "PNG")
    with pytest.raises(InputError, match="more pixels than 200 million"):
        read(huge, "a.png")


def test_a_garbled_text_layer_is_said(without_ocr, monkeypatch):
    monkeypatch.setattr(document, "is_garbled", lambda text: "Hfnf" in text)
    found = read(scanned("The first page.", "Hfnf tsdr"), "a.pdf")
    assert found.notes == ["1 of 2 pages has a garbled text layer: 2"]


@pytest.mark.parametrize(
    ("text", "garbled"),
    [
        ("Plain words of a page. " * 10, False),
        ("Größenänderung bedarf vorheriger schriftlicher Zustimmung. " * 8, False),
        ("K-53 171 11 153 AB-4471 " * 20, False),
        ("gkhm kdlmt nqfd tsrcv " * 20, True),
        ("\x03\x10\x11ab\x03" * 40, True),
        ("\ue001\ue002 \ue003\ue004" * 20, True),
        ("(cid:12)(cid:45)(cid:7)" * 20, True),
        ("Предмет договора " * 20, False),
        ("İLGİLİ BİRİM " * 20, False),
        ("", False),
    ],
)
def test_what_a_garbled_text_layer_is(text, garbled):
    assert is_garbled(text) is garbled


def test_words_of_tesseract_become_lines_with_their_confidence():
    head = "block_num\tpar_num\tline_num\tconf\ttext\n"
    rows = [
        "1\t1\t1\t90\tGate", "1\t1\t1\t80\tcode", "1\t1\t2\t70\t4417", "1\t2\t1\t12\t~|",
        "1\t3\t1\t-1\t", '2\t1\t1\t90\t"End',
    ]  # fmt: skip
    # 4 letters of 90, 4 of 80, 4 of 70 and 4 of 90: 82.5 on average.
    assert of_tsv(head + "\n".join(rows)) == Recognised('Gate code\n4417\n\n"End', 82)


def test_lines_of_boxes_are_read_from_the_left():
    def box(left, top):
        return [[left, top], [left + 9, top], [left + 9, top + 10], [left, top + 10]]

    found = engine._rows([box(50, 1), box(0, 0), box(0, 20)], ["right", "left", "below"])
    assert list(found) == ["left right", "below"]


def _document(data: bytes) -> bytes:
    import docx

    document = docx.Document()
    document.add_paragraph("Before it.")
    for _ in range(2):
        document.add_picture(io.BytesIO(data), width=docx.shared.Inches(4))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _slides(data: bytes) -> bytes:
    import pptx

    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    slide.shapes.add_picture(io.BytesIO(data), 0, 0)
    file = io.BytesIO()
    show.save(file)
    return file.getvalue()


def _workbook(data: bytes) -> bytes:
    import openpyxl
    from openpyxl.drawing.image import Image as Picture

    book = openpyxl.Workbook()
    book.active["A1"] = "Plan"
    book.active.add_image(Picture(io.BytesIO(data)), "B2")
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@needs_ocr
@pytest.mark.parametrize(
    ("make", "ending"), [(_document, ".docx"), (_slides, ".pptx"), (_workbook, ".xlsx")]
)
def test_a_picture_in_a_document_is_read(make, ending):
    """Each picture once, however often it stands there, and with the line that says so."""
    found = read(make(encoded(picture("The gate opens at seven"), "PNG")), f"a{ending}")
    assert found.text.count("The gate opens at seven") == 1
    assert "(read by OCR, " in found.text
    assert found.notes[0].startswith("1 picture read by OCR (")


def test_pictures_in_a_document_are_counted_without_ocr(monkeypatch):
    monkeypatch.setattr(inner, "engine_name", lambda: None)
    found = read(_document(encoded(picture("lost"), "PNG")), "a.docx")
    assert found.notes == ["2 pictures not read"]
