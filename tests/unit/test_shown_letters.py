"""Raised figures, struck words, equations and entities are read as a person sees them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from lxml import etree
from pptx import Presentation
from pptx.util import Inches

from pipelines.indexing.converted import Converted
from pipelines.indexing.readers.office.symbols import equation
from tests import made
from tests.kinds import read

MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def test_a_power_on_a_slide_is_no_larger_number():
    """10⁶ is not 106, and a price that is struck out is not the price."""
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    paragraph = slide.shapes.add_textbox(0, 0, Inches(4), Inches(1)).text_frame.paragraphs[0]
    for text, looks in (
        ("10", {}), ("6", {"baseline": "30000"}), (" cells, CO", {}), ("2", {"baseline": "-25000"}),
        (", ", {}), ("90", {"strike": "sngStrike"}), (" 75", {}),
    ):  # fmt: skip
        run = paragraph.add_run()
        run.text = text
        for name, value in looks.items():
            run.font._element.set(name, value)
    file = io.BytesIO()
    show.save(file)
    assert read(file.getvalue(), "a.pptx").text == "10⁶ cells, CO2, (struck out: 90) 75"


def test_a_power_of_an_open_document_is_no_larger_number():
    spaces = 'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
    styles = "".join(
        f'<style:style {spaces} style:name="{name}"><style:text-properties style:{look}/></style:style>'
        for name, look in (
            ("up", 'text-position="super 58%"'),
            ("down", 'text-position="sub 58%"'),
            ("off", 'text-line-through-style="solid"'),
        )
    )
    words = "10{up}6{} cells, CO{down}2{}, {off}90{} 75"
    for name in ("up", "down", "off"):
        words = words.replace(f"{{{name}}}", f'<text:span text:style-name="{name}">')
    body = f"<text:p>{words.replace('{}', '</text:span>')}</text:p>"
    found = read(made.open_document("text", body, automatic=styles), "a.odt")
    assert found.text == "10⁶ cells, CO2, (struck out: 90) 75"


def rtf(body: str) -> Converted:
    return read(rf"{{\rtf1\ansi\ansicpg1252\deff0 {body}\par}}".encode(), "a.rtf")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"10{\super 6} cells", "10⁶ cells"),
        (r"built in 1978\super 12\nosupersub  by Ole", "built in 1978¹² by Ole"),
        (r"now {\b\deleted 90}75", "now 75"),
        (r"a \u-10179?\u-8704? face", "a 😀 face"),
    ],
)
def test_rtf_shows_raised_figures_and_no_deleted_ones(body, text):
    found = rtf(body)
    assert (found.text, found.notes, found.removed) == (text, [], 0)


def _math(text: str) -> Any:
    runs = text.replace("[", "<m:r><m:t>").replace("]", "</m:t></m:r>")
    return etree.fromstring(f'<m:oMath xmlns:m="{MATH}">{runs}</m:oMath>')


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<m:m><m:mr><m:e>[1]</m:e><m:e>[0]</m:e></m:mr><m:mr><m:e>[0]</m:e><m:e>[4]</m:e></m:mr></m:m>",
         "[1, 0; 0, 4]"),
        ("<m:eqArr><m:e>[x=1]</m:e><m:e>[y=2]</m:e></m:eqArr>", "x=1; y=2"),
        ('<m:d><m:dPr><m:begChr m:val="|"/><m:endChr m:val="|"/></m:dPr><m:e>[a]</m:e></m:d>', "|a|"),
        ('<m:d><m:dPr><m:sepChr m:val=","/></m:dPr><m:e>[a]</m:e><m:e>[b]</m:e></m:d>', "(a,b)"),
        ("<m:rad><m:deg>[3]</m:deg><m:e>[x]</m:e></m:rad>", "∛(x)"),
    ],
)  # fmt: skip
def test_parts_of_an_equation_stay_apart(written, shown):
    assert equation(_math(written)) == shown


def test_an_entity_of_an_xml_file_may_hold_signs_that_are_escaped():
    start = '<!DOCTYPE d [<!ENTITY co "Kr&#228;mer &amp; Co"><!ENTITY b "&co;<i/>">]>'
    assert read(f"{start}<d><p>&co; &b;</p></d>".encode(), "a.xml").text == "Krämer & Co &b;"
