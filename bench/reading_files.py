"""
One small file of each format, which says the same six things: what `bench.reading` reads and asks.

Each file is about a hall of its own, with figures of its own, so that nothing is found by accident.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass

from tests import made

SENTENCE, ITEM, ROW, NOTE, SECTION, LATER = (
    "sentence",
    "list item",
    "table row",
    "note or comment",
    "under a heading",
    "last sentence",
)
HEAD = ("Part", "Torque [Nm]", "Depth [mm]")


@dataclass(frozen=True)
class Content:
    """
    What a file says, about one hall.

    :param base: Its figures are this number and those after it.
    """

    hall: str
    base: int

    @property
    def values(self) -> dict[str, str]:
        """The figure of each kind of statement, in the order of the text."""
        kinds = (SENTENCE, ITEM, ROW, NOTE, SECTION, LATER)
        return {kind: str(self.base + 7 * n) for n, kind in enumerate(kinds)}

    @property
    def sentence(self) -> str:
        return f"The pump of {self.hall} delivers {self.values[SENTENCE]} litres per hour."

    @property
    def items(self) -> tuple[str, str]:
        return (
            f"Spare filter for {self.hall}: {self.values[ITEM]} euros",
            f"Seal for {self.hall}: on request",
        )

    @property
    def rows(self) -> tuple[tuple[str, str, str], ...]:
        value = self.values[ROW]
        return ((f"{self.hall} bolt", value, "11"), (f"{self.hall} guard", "90", "12"))

    @property
    def note(self) -> str:
        return f"The warranty of {self.hall} lasts {self.values[NOTE]} days."

    @property
    def title(self) -> str:
        return f"Cleaning {self.hall}"

    @property
    def section(self) -> str:
        return f"Rinse it with {self.values[SECTION]} ml of soap."

    @property
    def later(self) -> str:
        return f"The boiler of {self.hall} holds {self.values[LATER]} litres of water."

    def questions(self) -> dict[str, str]:
        """A natural question for each kind of statement."""
        return {
            SENTENCE: f"How many litres per hour does the pump of {self.hall} deliver?",
            ITEM: f"What does the spare filter for {self.hall} cost?",
            ROW: f"What is the torque of the {self.hall} bolt?",
            NOTE: f"How long is the warranty of {self.hall}?",
            SECTION: f"How much soap is needed for cleaning {self.hall}?",
            LATER: f"How much water does the boiler of {self.hall} hold?",
        }

    def markdown(self) -> str:
        """All of it but the note, as Markdown."""
        table = "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * 3, *self.rows))
        items = "\n".join(f"- {item}" for item in self.items)
        parts = (self.sentence, items, table, f"## {self.title}", self.section, self.later)
        return "\n\n".join(parts)

    def html(self) -> str:
        """All of it but the note, as HTML."""
        items = "".join(f"<li>{item}</li>" for item in self.items)
        head = "".join(f"<th>{name}</th>" for name in HEAD)
        rows = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in self.rows)
        return (
            f"<p>{self.sentence}</p><ul>{items}</ul><table><tr>{head}</tr>{rows}</table>"
            f"<h2>{self.title}</h2><p>{self.section}</p><p>{self.later}</p>"
        )


@dataclass(frozen=True)
class Sample:
    """A format: the ending of its file, how it is made, and which statements it can hold."""

    name: str
    ending: str
    make: Callable[[Content], bytes]
    kinds: tuple[str, ...]


def _pdf(c: Content) -> bytes:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import ListFlowable, PageBreak, Paragraph, SimpleDocTemplate, Table

    styles = getSampleStyleSheet()

    class Titled(SimpleDocTemplate):
        def afterFlowable(self, flowable: object) -> None:
            if getattr(getattr(flowable, "style", None), "name", "") == "Heading2":
                self.canv.bookmarkPage("cleaning")
                self.canv.addOutlineEntry(c.title, "cleaning", 0)

    file = io.BytesIO()
    plain = styles["Normal"]
    Titled(file).build([
        Paragraph(c.sentence, plain),
        ListFlowable([Paragraph(item, plain) for item in c.items], bulletType="bullet"),
        Table([HEAD, *c.rows]),
        Paragraph(c.title, styles["Heading2"]),
        Paragraph(c.section, plain),
        PageBreak(),
        Paragraph(c.later, plain),
    ])  # fmt: skip
    return file.getvalue()


def _turned(c: Content) -> bytes:
    """A table across an upright page, and a page that is shown turned."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen import canvas
    from reportlab.platypus import Table

    file = io.BytesIO()
    sheet = canvas.Canvas(file, pagesize=A4)
    sheet.drawString(60, 780, c.sentence)
    sheet.translate(A4[0] - 60, 120)
    sheet.rotate(90)
    table = Table([HEAD, *c.rows], colWidths=[150, 100, 100], rowHeights=22)
    table.wrapOn(sheet, 500, 300)
    table.drawOn(sheet, 60, 200)
    sheet.showPage()
    sheet.setPageRotation(90)
    sheet.translate(A4[0], 0)
    sheet.rotate(90)
    sheet.drawString(60, 500, c.later)
    sheet.save()
    return file.getvalue()


def _scan(c: Content) -> bytes:
    from PIL import Image, ImageDraw, ImageFont
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen import canvas

    file = io.BytesIO()
    sheet = canvas.Canvas(file)
    for text in (c.sentence, c.later):
        page = Image.new("RGB", (2000, 400), "white")
        font = ImageFont.load_default(size=48)
        ImageDraw.Draw(page).text((60, 120), text, fill="black", font=font)
        sheet.drawImage(ImageReader(page), 20, 500, width=550, height=110)
        sheet.showPage()
    sheet.save()
    return file.getvalue()


def _picture(c: Content) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", (2000, 400), "white")
    font = ImageFont.load_default(size=48)
    ImageDraw.Draw(page).text((60, 120), c.sentence, fill="black", font=font)
    file = io.BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


def _docx(c: Content) -> bytes:
    import docx

    document = docx.Document()
    run = document.add_paragraph(c.sentence).runs[0]
    for item in c.items:
        document.add_paragraph(item, style="List Bullet")
    table = document.add_table(rows=0, cols=3)
    for row in (HEAD, *c.rows):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_comment(run, text=c.note, author="Ada")
    document.add_heading(c.title, 2)
    document.add_paragraph(c.section)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _pptx(c: Content) -> bytes:
    import pptx
    from pptx.util import Cm

    show = pptx.Presentation()
    first = show.slides.add_slide(show.slide_layouts[1])
    first.shapes.title.text = c.hall
    first.placeholders[1].text = "\n".join((c.sentence, *c.items))
    table = first.shapes.add_table(3, 3, Cm(2), Cm(14), Cm(20), Cm(3)).table
    for number, row in enumerate((HEAD, *c.rows)):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    first.notes_slide.notes_text_frame.text = c.note
    second = show.slides.add_slide(show.slide_layouts[1])
    second.shapes.title.text = c.title
    second.placeholders[1].text = f"{c.section}\n{c.later}"
    file = io.BytesIO()
    show.save(file)
    return file.getvalue()


def _xlsx(c: Content) -> bytes:
    import openpyxl
    from openpyxl.comments import Comment

    book = openpyxl.Workbook()
    sheet = book.active
    for row in (HEAD, *c.rows):
        sheet.append([int(cell) if cell.isdigit() else cell for cell in row])
    sheet["A3"].comment = Comment(c.note, "Ada")
    other = book.create_sheet(c.title)
    other.append([c.section])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _csv(c: Content) -> bytes:
    return "\n".join(";".join(row) for row in (HEAD, *c.rows)).encode()


def _cells(row: tuple[str, ...]) -> str:
    cells = "".join(f"<table:table-cell><text:p>{x}</text:p></table:table-cell>" for x in row)
    return f"<table:table-row>{cells}</table:table-row>"


def _open_rows(c: Content) -> str:
    return "".join(map(_cells, (HEAD, *c.rows)))


def _odt(c: Content) -> bytes:
    items = "".join(f"<text:list-item><text:p>{x}</text:p></text:list-item>" for x in c.items)
    note = f"<text:note><text:note-body><text:p>{c.note}</text:p></text:note-body></text:note>"
    return made.open_document(
        "text",
        f"<text:p>{c.sentence}</text:p><text:list>{items}</text:list>"
        f"<table:table>{_open_rows(c)}</table:table><text:p>See the note{note}.</text:p>"
        f'<text:h text:outline-level="1">{c.title}</text:h><text:p>{c.section}</text:p>',
    )


def _ods(c: Content) -> bytes:
    return made.open_document(
        "spreadsheet",
        f'<table:table table:name="Parts">{_open_rows(c)}</table:table>'
        f'<table:table table:name="{c.title}">{_cells((c.section,))}</table:table>',
    )


def _odp(c: Content) -> bytes:
    def box(text: str, more: str = "") -> str:
        return f"<draw:frame {more}><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"

    title = 'presentation:class="title"'
    return made.open_document(
        "presentation",
        f"<draw:page>{box(c.hall, title)}{box(c.sentence)}"
        f"<presentation:notes>{box(c.note)}</presentation:notes></draw:page>"
        f"<draw:page>{box(c.title, title)}{box(c.section)}{box(c.later)}</draw:page>",
    )


def _text(c: Content) -> bytes:
    line = "-" * len(c.title)
    return f"{c.sentence}\n\n{c.title}\n{line}\n\n{c.section}\n\n{c.later}\n".encode()


def _picture_in_word(c: Content) -> bytes:
    import docx

    document = docx.Document()
    document.add_picture(io.BytesIO(_picture(c)), width=docx.shared.Inches(6))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _rtf(c: Content) -> bytes:
    rows = "".join(
        r"\trowd\cellx1000\cellx2000\cellx3000 " + "".join(f"{x}\\cell " for x in row) + r"\row "
        for row in (HEAD, *c.rows)
    )
    items = "".join(f"{item}\\par " for item in c.items)
    styles = r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}}"
    section = rf"\pard\plain\s1\outlinelevel0 {c.title}\par\pard\plain\s0 {c.section}\par "
    text = rf"{{\rtf1\ansi {styles}{c.sentence}\par {items}{rows}\pard {section}{c.later}\par}}"
    return text.encode()


def _eml(c: Content) -> bytes:
    attached = {"parts.csv": _csv(c), "cleaning.docx": _docx(c)}
    return made.mail(c.sentence, attached=attached, subject=f"About {c.hall}")


def _msg(c: Content) -> bytes:
    return made.outlook(f"About {c.hall}", c.sentence, {"parts.csv": _csv(c)})


def _json(c: Content) -> bytes:
    parts = [dict(zip(HEAD, row, strict=True)) for row in c.rows]
    value = {"description": c.sentence, "accessories": list(c.items), "parts": parts}
    return json.dumps(value).encode()


def _jsonl(c: Content) -> bytes:
    return "\n".join(json.dumps(dict(zip(HEAD, row, strict=True))) for row in c.rows).encode()


def _xml(c: Content) -> bytes:
    rows = "".join(
        f"<part><name>{name}</name><torque>{torque}</torque></part>" for name, torque, _ in c.rows
    )
    return f"<hall><description>{c.sentence}</description><parts>{rows}</parts></hall>".encode()


def _ipynb(c: Content) -> bytes:
    printed = {"output_type": "stream", "text": [c.later]}
    return made.notebook(
        {"cell_type": "markdown", "source": c.markdown()},
        {"cell_type": "code", "source": "print(boiler)", "outputs": [printed]},
    )


def _markdown(c: Content) -> bytes:
    noted = c.markdown().replace(c.sentence, f"{c.sentence}[^1]")
    return f"{noted}\n\n[^1]: {c.note}\n".encode()


def _srt(c: Content) -> bytes:
    return f"1\n00:00:01,000 --> 00:00:04,000\n{c.sentence}\n\n2\n00:01:30,000 --> 00:01:34,000\n{c.later}\n".encode()


def _vtt(c: Content) -> bytes:
    return f"WEBVTT\n\n00:01.000 --> 00:04.000\n{c.sentence}\n\n01:30.000 --> 01:34.000\n{c.later}\n".encode()


def _source(c: Content) -> bytes:
    name = c.hall.lower()
    return (
        f"# {c.sentence}\n\n\ndef cleaning_{name}():\n"
        f'    """{c.title}. {c.section}"""\n    return 1\n'
    ).encode()


def _zip(c: Content) -> bytes:
    return made.packed({f"notes/{c.hall}.md": c.markdown(), "parts.xlsx": _xlsx(c)})


def _tar(c: Content) -> bytes:
    return made.tarred({f"{c.hall}.html": c.html().encode(), "parts.csv": _csv(c)})


FLOW = (SENTENCE, ITEM, ROW, SECTION, LATER)
SAMPLES = (
    Sample("PDF", ".pdf", _pdf, FLOW),
    Sample("PDF, turned", ".pdf", _turned, (SENTENCE, ROW, LATER)),
    Sample("PDF, scanned", ".pdf", _scan, (SENTENCE, LATER)),
    Sample("picture", ".png", _picture, (SENTENCE,)),
    Sample("Word", ".docx", _docx, (SENTENCE, ITEM, ROW, NOTE, SECTION)),
    Sample("Word, picture", ".docx", _picture_in_word, (SENTENCE,)),
    Sample("PowerPoint", ".pptx", _pptx, (SENTENCE, ITEM, ROW, NOTE, SECTION, LATER)),
    Sample("Excel", ".xlsx", _xlsx, (ROW, NOTE, SECTION)),
    Sample("OpenDocument text", ".odt", _odt, (SENTENCE, ITEM, ROW, NOTE, SECTION)),
    Sample("OpenDocument sheet", ".ods", _ods, (ROW, SECTION)),
    Sample("OpenDocument slides", ".odp", _odp, (SENTENCE, NOTE, SECTION, LATER)),
    Sample("RTF", ".rtf", _rtf, FLOW),
    Sample("EPUB", ".epub", lambda c: made.book(c.html(), title=c.hall), FLOW),
    Sample("e-mail", ".eml", _eml, (SENTENCE, ITEM, ROW, NOTE, SECTION)),
    Sample("Outlook mail", ".msg", _msg, (SENTENCE, ROW)),
    Sample("HTML", ".html", lambda c: f"<body>{c.html()}</body>".encode(), FLOW),
    Sample("Markdown", ".md", _markdown, (*FLOW, NOTE)),
    Sample("text", ".txt", _text, (SENTENCE, SECTION, LATER)),
    Sample("CSV", ".csv", _csv, (ROW,)),
    Sample("JSON", ".json", _json, (SENTENCE, ITEM, ROW)),
    Sample("JSON Lines", ".jsonl", _jsonl, (ROW,)),
    Sample("XML", ".xml", _xml, (SENTENCE, ROW)),
    Sample("notebook", ".ipynb", _ipynb, FLOW),
    Sample("SRT", ".srt", _srt, (SENTENCE, LATER)),
    Sample("VTT", ".vtt", _vtt, (SENTENCE, LATER)),
    Sample("source code", ".py", _source, (SENTENCE, SECTION)),
    Sample("ZIP", ".zip", _zip, (SENTENCE, ITEM, ROW, NOTE, SECTION, LATER)),
    Sample("TAR", ".tar.gz", _tar, FLOW),
)
