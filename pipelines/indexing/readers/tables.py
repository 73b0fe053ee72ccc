"""Excel and CSV: a line a row, each value with its column's name, so that a passage explains itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import chain

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.text.clean import decode

LONGEST_CELL = 10_000_000


def read_workbook(data: bytes, mime: str) -> Converted:
    """
    The sheets of a workbook, each under its name.

    :raises InputError: Every sheet is empty.
    """
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    blocks: list[Block] = []
    for sheet in book.worksheets:
        rows = _rows(["" if v is None else str(v) for v in row] for row in sheet.values)
        if rows:
            blocks += [Block(sheet.title, level=1), *rows]
    if not blocks:
        raise InputError("there is no text in it: every sheet is empty")
    return assemble(blocks, mime)


def read_csv(data: bytes, mime: str) -> Converted:
    """
    The rows of a CSV file; its delimiter is found by looking.

    :raises InputError: Its rows cannot be told apart.
    """
    text, encoding = decode(data)
    csv.field_size_limit(LONGEST_CELL)
    try:
        # Only the delimiter: of the rest the first lines may tell the wrong thing.
        delimiter = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|").delimiter
    except csv.Error:
        delimiter = ","
    try:
        lines = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=delimiter)
        return assemble(_rows(lines), mime, encoding)
    except csv.Error as error:
        raise InputError(f"the file is not a readable table: {error}") from error


def _rows(raw: Iterable[list[str]]) -> list[Block]:
    """A block a row. A first row of one cell above wider ones is the table's title."""
    cleaned = ([" ".join(cell.split()) for cell in row] for row in raw)
    rows = (row for row in cleaned if any(row))
    header = next(rows, None)
    if header is None:
        return []
    blocks = []
    following = next(rows, None)
    if following is not None and _filled(header) == 1 < _filled(following):
        blocks.append(Block(" ".join(header).strip()))
        header, following = following, next(rows, None)
    if following is None:
        return [*blocks, Block("; ".join(filter(None, header)))]
    return blocks + [Block(_named(header, row)) for row in chain([following], rows)]


def _filled(row: list[str]) -> int:
    return sum(map(bool, row))


def _named(header: list[str], row: list[str]) -> str:
    names = header + [""] * (len(row) - len(header))
    return "; ".join(
        f"{name}: {value}" if name else value
        for name, value in zip(names, row, strict=False)
        if value
    )
