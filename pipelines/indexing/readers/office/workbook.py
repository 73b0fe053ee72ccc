"""Excel: a line a row, each value with its column's name, so that a passage explains itself."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.members import Members
from pipelines.indexing.readers.ocr.inner import InnerPictures
from pipelines.indexing.readers.office.drawings import chart_titles, pictures_of
from pipelines.indexing.readers.office.packages import Package
from pipelines.indexing.readers.office.shown import LOCAL_DATES, shown
from pipelines.indexing.readers.tables import sheet
from pipelines.indexing.readers.web.links import of_address

# Columns of a sheet that are read, as many as Excel has; a gap between cells is filled up to here.
MOST_COLUMNS = 16_384
# Cells that merged ranges may repeat.
MOST_REPEATED = 200_000
# What Excel writes before the text of a comment for programs that know no threads.
_CODE = re.compile(r"&\[[^\]]*\]|&[A-Z]")
_WORDS = re.compile(r"(?:[^\W\d_]{2,}\W+){2}|\d{3}")
_THREADED = re.compile(r"^\[Threaded comment\].*?Comment:\s*", re.DOTALL)


def read(data: bytes, mime: str, members: Members) -> Converted:
    """
    The sheets of a workbook, each under its name. Hidden ones are left out and named.

    :raises InputError: Every sheet is empty.
    """
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    package = Package(data)
    pictures = InnerPictures(members.ocr)
    blocks: list[Block] = []
    notes: list[str] = []
    unsaved = 0
    for page in book.worksheets:
        if page.sheet_state != "visible":
            notes.append(f"hidden sheet '{page.title}' left out")
            continue
        read = _Sheet(book, page)
        path = page._worksheet_path
        rows = read.rows(_comments(package, path), partial(package.address, path))
        found = [Block(line) for line in sheet.lines(rows)]
        found += [Block(text) for text in _drawn(package, path, pictures)]
        unsaved += read.unsaved
        for hidden, what in (
            (read.hidden_rows, "hidden row"),
            (read.hidden_columns, "hidden column"),
        ):
            if hidden:
                notes.append(f"{counted(hidden, what)} of sheet '{page.title}' read as well")
        if found:
            blocks += [Block(page.title, level=1), *map(Block, read.printed), *found]
    for path in package.targets("xl/workbook.xml", "/chartsheet"):
        blocks += [Block(text) for text in _drawn(package, path, pictures)]
    if unsaved:
        notes.append(f"{counted(unsaved, 'formula')} without a stored result, shown as written")
    notes += pictures.notes()
    if not blocks:
        told = f" ({'; '.join(notes)})" if notes else ""
        raise InputError(f"there is no text in it: every sheet is empty{told}")
    return assemble(blocks, mime, notes=notes)


@dataclass
class _Sheet:
    """A worksheet, read cell by cell, whatever range the file says it has."""

    book: Any
    page: Any
    unsaved: int = 0
    hidden_rows: int = 0
    hidden_columns: int = 0
    printed: list[str] = field(default_factory=list)
    _formats: dict[int, str] = field(default_factory=dict)

    def rows(
        self, comments: dict[tuple[int, int], str], addresses: Callable[[str | None], str]
    ) -> list[list[str]]:
        """
        All rows as they are shown, merged cells repeated.

        :param addresses: Gives the address of a link by its id.
        """
        from openpyxl.worksheet._reader import WorkSheetParser

        rows: dict[int, list[str]] = {}
        with self.page._get_source() as source:
            parser = WorkSheetParser(
                source,
                self.page._shared_strings,
                data_only=False,
                epoch=self.book.epoch,
                date_formats=self.book._date_formats,
                timedelta_formats=self.book._timedelta_formats,
            )
            values = _CellValues(parser)
            for number, cells in parser.parse():
                row: list[str] = []
                for cell in cells:
                    text = self._text(cell, values)
                    if said := comments.pop((number, cell["column"]), None):
                        text = f"{text} (comment: {said})".strip()
                    if text and cell["column"] <= MOST_COLUMNS:
                        row += [""] * (cell["column"] - len(row))
                        row[cell["column"] - 1] = text
                rows[number] = row
            self.unsaved = values.unsaved
            self.hidden_rows = sum(
                of.get("hidden") in ("1", "true") for of in parser.row_dimensions.values()
            )
            self.hidden_columns = sum(
                _width(of)
                for of in parser.column_dimensions.values()
                if of.get("hidden") in ("1", "true")
            )
            _link(rows, parser.hyperlinks, addresses)
            self.printed = _printed(getattr(parser, "HeaderFooter", None))
            merged = getattr(parser.merged_cells, "mergeCell", None) or ()
        _repeat(rows, merged)
        told = _in_order(rows)
        return [*told, *([f"comment: {said}"] for said in comments.values())]

    def _text(self, cell: dict[str, Any], values: _CellValues) -> str:
        value = cell["value"]
        style = int(cell["style_id"] or 0)
        if style not in self._formats:
            self._formats[style] = self._format(style)
        return shown(value, self._formats[style])

    def _format(self, style: int) -> str:
        from openpyxl.styles.numbers import BUILTIN_FORMATS

        styles = self.book._cell_styles
        number = styles[style].numFmtId if style < len(styles) else 0
        if number in LOCAL_DATES:
            return LOCAL_DATES[number]
        if number >= 164 and number - 164 < len(self.book._number_formats):
            return str(self.book._number_formats[number - 164])
        return str(BUILTIN_FORMATS.get(number, "General"))


class _CellValues:
    """Makes a parser give each formula's stored result, and the formula where there is none."""

    def __init__(self, parser: Any) -> None:
        self.unsaved = 0
        self._parser = parser
        self._parse = parser.parse_cell
        parser.parse_cell = self._cell

    def _cell(self, element: Any) -> dict[str, Any]:
        from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG

        has_formula = element.find(FORMULA_TAG) is not None
        unsaved = has_formula and not element.findtext(VALUE_TAG)
        self._parser.data_only = not unsaved
        if not unsaved:
            found: dict[str, Any] = self._parse(element)
            return found
        if element.get("t") == "str":  # a formula whose result is an empty text
            self._parser.data_only = True
            return dict(self._parse(element))
        found = self._parse(element)
        self.unsaved += 1
        if not isinstance(found["value"], str):
            found["value"] = f"={getattr(found['value'], 'text', '') or ''}".replace("==", "=")
        return found


def _printed(edges: Any | None) -> list[str]:
    """What stands above and below the sheet where it is printed, without names and numbers of pages."""
    kinds = ("oddHeader", "firstHeader", "oddFooter", "firstFooter")
    parts = (
        getattr(getattr(edges, kind, None), side, None)
        for kind in kinds
        for side in ("left", "center", "right")
    )
    texts = (_CODE.sub("", part.text or "").strip() for part in parts if part is not None)
    return list(dict.fromkeys(text for text in texts if _WORDS.search(text)))


def _width(columns: dict[str, str]) -> int:
    """How many columns a range of them has."""
    first = int(columns.get("min") or 1)
    return max(1, min(MOST_COLUMNS, int(columns.get("max") or first)) - first + 1)


def _link(rows: dict[int, list[str]], links: Any, addresses: Callable[[str | None], str]) -> None:
    """Put the address of a link after the text of its cell."""
    from openpyxl.utils.cell import coordinate_to_tuple

    for link in getattr(links, "hyperlink", None) or ():
        row, column = coordinate_to_tuple(str(link.ref).partition(":")[0])
        cells = rows.get(row, [])
        if column <= len(cells) and cells[column - 1]:
            cells[column - 1] += of_address(addresses(link.id), cells[column - 1])


def _repeat(rows: dict[int, list[str]], merged: Any) -> None:
    """Put the text of merged cells into all their rows, and across where it is no title."""
    left = MOST_REPEATED
    for cells in merged:
        first, last = cells.min_row, min(cells.max_row, max(rows, default=0))
        row = rows.get(first, [])
        text = row[cells.min_col - 1] if cells.min_col <= len(row) else ""
        alone = sum(map(bool, row)) == 1 and cells.max_row == first
        if not text or alone:
            continue
        for number in range(first, last + 1):
            target = rows.setdefault(number, [])
            across = min(cells.max_col, cells.min_col + 255)
            left -= across - cells.min_col + 1
            if left < 0:
                return
            target += [""] * (across - len(target))
            for column in range(cells.min_col - 1, across):
                target[column] = target[column] or text


def _in_order(rows: dict[int, list[str]]) -> list[list[str]]:
    """The rows by number, one empty row for each gap."""
    told: list[list[str]] = []
    before = 0
    for number in sorted(rows):
        if number > before + 1:
            told.append([])
        told.append(rows[number])
        before = number
    return told


def _comments(package: Package, path: str) -> dict[tuple[int, int], str]:
    from openpyxl.utils.cell import coordinate_to_tuple

    found: dict[tuple[int, int], str] = {}
    for part in package.related(path, "/comments"):
        for comment in part.iter("{*}comment"):
            text = " ".join("".join(t.text or "" for t in comment.iter("{*}t")).split())
            text = _THREADED.sub("", text)
            if text:
                row, column = coordinate_to_tuple(comment.get("ref", "A1"))
                found[row, column] = text
    return found


def _drawn(package: Package, path: str, pictures: InnerPictures) -> Iterator[str]:
    """The text of boxes drawn over a sheet and of its pictures, and the titles of its charts."""
    for name in package.targets(path, "/drawing"):
        drawing = package.xml(name)
        if drawing is None:
            continue
        for chart in package.related(name, "/chart"):
            if titles := chart_titles(chart):
                yield f"(chart: {'; '.join(titles)})"
        for picture in pictures_of(drawing, package, name):
            yield pictures.text(picture)
        for shape in drawing.iter("{*}txBody"):
            lines = ("".join(t.text or "" for t in p.iter("{*}t")) for p in shape.iter("{*}p"))
            yield "\n".join(lines)
