"""OpenDocument: texts, spreadsheets and presentations of LibreOffice and others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.counting import counts_pages
from pipelines.indexing.readers.office.packages import Package
from pipelines.indexing.readers.opendocument.names import (
    DRAW,
    OFFICE,
    SHOW,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    Lists,
    looks,
)
from pipelines.indexing.readers.opendocument.walker import (
    Walker,
    comments,
    hidden_styles,
    rows_of,
)
from pipelines.indexing.readers.tables import grid, sheet

# A row that a sheet repeats without an end is the empty rest of it.
MOST_REPEATED = 1000
_ENCRYPTED = "META-INF/manifest.xml"
VISIBILITY = TABLE + "visibility"
_CM = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "px": 2.54 / 96}


def read_text(data: bytes, mime: str) -> Converted:
    """The text of an ODT file."""
    walker, root, styles = _opened(data, "text")
    edges = [part for name in ("header", "footer") for part in _edges(walker, styles, name)]
    blocks = list(walker.blocks(root))
    heads = [Block(text) for name, text in edges if name == "header"]
    feet = [Block(text) for name, text in edges if name == "footer"]
    return assemble([*heads, *blocks, *feet], mime, notes=walker.notes())


def read_sheets(data: bytes, mime: str) -> Converted:
    """
    The sheets of an ODS file, each under its name. Hidden ones are left out and named.

    :raises InputError: Every sheet is empty.
    """
    walker, root, _ = _opened(data, "spreadsheet")
    hidden = hidden_styles(root.getroottree().getroot())
    blocks: list[Block] = []
    notes: list[str] = []
    unsaved = 0
    for table in root.iterchildren(TABLE + "table"):
        name = table.get(TABLE + "name") or "sheet"
        if (table.get(TABLE + "style-name") or "") in hidden:
            notes.append(f"hidden sheet '{name}' left out")
            continue
        rows, without = _rows(walker, table)
        unsaved += without
        notes += _hidden_in(table, name, rows)
        if found := [Block(line) for line in sheet.lines(rows)]:
            blocks += [Block(name, level=1), *found]
    if unsaved:
        notes.append(f"{counted(unsaved, 'formula')} without a stored result, shown as written")
    return assemble(blocks, mime, notes=[*notes, *walker.notes()])


def read_slides(data: bytes, mime: str) -> Converted:
    """The slides of an ODP file as pages, each with its title, its shapes and its notes."""
    walker, root, _ = _opened(data, "presentation")
    blocks: list[Block] = []
    for number, slide in enumerate(root.iterchildren(DRAW + "page"), 1):
        walker.page = number
        for shape in sorted(_shapes(slide), key=_place):
            found = list(walker.blocks([shape]))
            if shape.get(SHOW + "class") == "title" and found:
                title = " ".join(block.text for block in found)
                blocks.append(Block(title, page=number, level=1))
            else:
                blocks += found
        for spoken in slide.iterchildren(SHOW + "notes"):
            blocks += [block for block in walker.blocks(spoken) if not block.text.isdigit()]
    return assemble(blocks, mime, notes=walker.notes())


def _opened(data: bytes, kind: str) -> tuple[Walker, Any, Any | None]:
    """
    The walker of a file, the root of its content and that of its styles.

    :raises InputError: It needs a password, or is damaged.
    """
    package = Package(data)
    manifest = package.xml(_ENCRYPTED)
    if manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None:
        raise InputError("the file needs a password; save it without one")
    content, styles = package.xml("content.xml"), package.xml("styles.xml")
    body = content.find(f"{OFFICE}body/{OFFICE}{kind}") if content is not None else None
    if content is None or body is None:
        raise InputError("the file is damaged: it has no readable document in it")
    roots = [root for root in (content, styles) if root is not None]
    return Walker(package, Lists(roots), looks(roots)), body, styles


def _edges(walker: Walker, styles: Any | None, name: str) -> Iterator[tuple[str, str]]:
    """The headers or footers, each text once, without those that only count pages."""
    seen: set[str] = set()
    for edge in styles.iter(STYLE + name) if styles is not None else ():
        text = "\n".join(block.text for block in walker.blocks(edge) if block.text.strip())
        if text and not counts_pages(text) and text not in seen:
            seen.add(text)
            yield name, text


def _rows(walker: Walker, table: Any) -> tuple[list[list[str]], int]:
    """The rows of a sheet as they are shown, and the number of formulas without a result."""
    found: list[list[grid.Cell]] = []
    unsaved = 0
    for row, _ in rows_of(table):
        cells: list[grid.Cell] = []
        for cell in row.iterchildren(TABLE + "table-cell", TABLE + "covered-table-cell"):
            if cell.tag == TABLE + "covered-table-cell":
                continue
            texts = [walker.inline(p).strip() for p in cell.iterchildren(TEXT + "p")]
            text = " ".join(filter(None, texts))
            text = text or _stored(cell)
            formula = cell.get(TABLE + "formula")
            if formula and not text and cell.get(OFFICE + "value-type") is None:
                text, unsaved = f"={formula.partition('=')[2]}", unsaved + 1
            text += "".join(f" ({comment})" for comment in comments(cell))
            times = int(cell.get(TABLE + "number-columns-repeated") or 1)
            merged = int(cell.get(TABLE + "number-columns-spanned") or 1)
            below = int(cell.get(TABLE + "number-rows-spanned") or 1)
            room = grid.MOST_COLUMNS - len(cells)
            cells += [grid.Cell(text.strip(), merged, below)] * max(0, min(times, room))
        while cells and not cells[-1].text and cells[-1].columns == 1:
            cells.pop()
        times = int(row.get(TABLE + "number-rows-repeated") or 1)
        found += [cells] * (min(times, MOST_REPEATED) if cells else 1)
    texts_of, _, _ = grid.spread(found)
    return texts_of, unsaved


def _hidden_in(table: Any, name: str, rows: list[list[str]]) -> Iterator[str]:
    """What is said of the rows and columns of a sheet that are read although nobody sees them."""
    hidden = [row for row, _ in rows_of(table) if row.get(VISIBILITY, "visible") != "visible"]
    filled = sum(next(row.iter(TEXT + "p"), None) is not None for row in hidden)
    width, column, columns = max(map(len, rows), default=0), 0, 0
    for one in table.iter(TABLE + "table-column"):
        after = column + int(one.get(TABLE + "number-columns-repeated") or 1)
        if one.get(VISIBILITY, "visible") != "visible":
            columns += max(0, min(after, width) - column)
        column = after
    for number, what in ((filled, "hidden row"), (columns, "hidden column")):
        if number:
            yield f"{counted(number, what)} of sheet '{name}' read as well"


def _stored(cell: Any) -> str:
    """The value of a cell that a program wrote without the text that it shows."""
    for kind in ("string-value", "value", "date-value", "time-value", "boolean-value"):
        if value := cell.get(OFFICE + kind):
            return f"{value}{' ' + unit if (unit := cell.get(OFFICE + 'currency')) else ''}"
    return ""


def _shapes(slide: Any) -> list[Any]:
    return [one for one in slide if isinstance(one.tag, str) and one.tag.startswith(DRAW)]


def _place(shape: Any) -> tuple[bool, int, float]:
    """Titles first, then row by row from the top, and each row from the left."""
    # A group stands where the first of its shapes does.
    placed = next((one for one in shape.iter() if one.get(SVG + "y")), shape)
    top, left = _cm(placed.get(SVG + "y")), _cm(placed.get(SVG + "x"))
    return shape.get(SHOW + "class") != "title", round(top / 1.5), left


def _cm(length: str | None) -> float:
    try:
        return float((length or "0cm")[:-2]) * _CM.get((length or "0cm")[-2:], 1.0)
    except ValueError:
        return 0.0
