"""Letters of a PDF that PDFium gives in another order or not at all, and pages that are pictures."""

from __future__ import annotations

import io

import pypdf
import pytest
from PIL import Image
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    TextStringObject,
)
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.pdf import lines
from pipelines.indexing.readers.pdf.places import Box, Places
from pipelines.indexing.readers.pdf.right_to_left import turned_back


def _read(data: bytes) -> Converted:
    return readers.read(data, "application/pdf", ReadLimits())


class _Drawn(Places):
    """Letters that stand at these places from the left."""

    def __init__(self, lefts: list[int]) -> None:
        self._lefts = lefts

    def box(self, character: int) -> Box | None:
        left = float(self._lefts[character])
        return left, 0.0, left + 1, 1.0


def test_words_drawn_from_left_to_right_are_turned_round() -> None:
    """A word whose first letter stands at the left is turned. One that begins at the right stays."""
    assert turned_back("ابحرم", _Drawn([1, 2, 3, 4, 5])) == "مرحبا"
    assert turned_back("مرحبا", _Drawn([5, 4, 3, 2, 1])) == "مرحبا"
    assert turned_back("abc", _Drawn([])) == "abc"


def test_a_letter_without_a_name_leaves_a_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a font does not name is seen to be missing, and all others keep their places."""

    class _Page:
        raw = None

        def count_chars(self) -> int:
            return 3

    codes = (0, ord("b"), ord("c"))
    monkeypatch.setattr(lines, "call", lambda name: lambda raw, number: codes[number])
    monkeypatch.setattr(lines, "pointer_to", lambda handle: 0)
    assert lines.text_of(_Page(), "bc") == ("\ufffdbc", True)


def test_narrow_columns_are_read_line_by_line() -> None:
    """A page whose words leave much of its width free is not read letter by letter."""
    stream = io.BytesIO()
    pdf = canvas.Canvas(stream, pagesize=(612, 792))
    pdf.setFont("Helvetica", 12)
    rows = [("Plant", "Steel", "Wood"), ("Essen", "11", "12"), ("Ulm", "21", "22")]
    for place, row in enumerate([*rows, ("Kiel", "31", "32")]):
        for left, text in zip((40, 200, 360), row, strict=True):
            for letter, sign in enumerate(text):
                before = pdf.stringWidth(text[:letter], "Helvetica", 12)
                pdf.drawString(left + before, 740 - 13 * place, sign)
    pdf.save()
    assert "Plant: Kiel; Steel: 31; Wood: 32" in _read(stream.getvalue()).text
    assert "¦" not in _read(stream.getvalue()).text


def test_a_scan_under_a_stamp_of_its_scanner_is_said() -> None:
    """A line of the scanner at the edge of a page is no text layer."""
    picture = ImageReader(Image.new("RGB", (80, 100), "gray"))
    stream = io.BytesIO()
    pdf = canvas.Canvas(stream)
    for place in (820, 820, 420):
        pdf.drawImage(picture, 0, 0, 595, 842)
        pdf.drawString(60, place, "Scanned by CopyMaster")
        pdf.showPage()
    pdf.save()
    found = _read(stream.getvalue())
    assert any(": 1, 2" in note for note in found.notes), found.notes
    assert not any("1, 2, 3" in note for note in found.notes), found.notes


def test_hidden_text_over_a_page_is_not_read() -> None:
    """Text typed onto a page and then hidden is seen by nobody."""
    stream = io.BytesIO()
    pdf = canvas.Canvas(stream)
    pdf.drawString(60, 700, "Deliver to the yard.")
    pdf.save()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(stream.getvalue()))
    notes = ArrayObject()
    for text, flags in (("Gate code 4417", 4), ("Old code 9999", 2)):
        box = ArrayObject(FloatObject(n) for n in (100, 500, 300, 520))
        note = {"/Type": NameObject("/Annot"), "/Subtype": NameObject("/FreeText")}
        note |= {"/Rect": box, "/Contents": TextStringObject(text), "/F": NumberObject(flags)}
        notes.append(
            writer._add_object(DictionaryObject({NameObject(k): v for k, v in note.items()}))
        )
    writer.pages[0][NameObject("/Annots")] = notes
    stream = io.BytesIO()
    writer.write(stream)
    text = _read(stream.getvalue()).text
    assert "Gate code 4417" in text
    assert "9999" not in text
