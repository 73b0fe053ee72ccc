"""The tables of one sheet: parted by empty rows and columns, each with its own header. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipelines.indexing.readers.tables import figures, first_row, grid, headers

Row = list[str]


def lines(rows: Iterable[Row], *, certain: bool = False) -> Iterator[str]:
    """
    The rows of a sheet as lines that carry their column names.

    :param certain: As in `grid.lines`: a first row of names is taken for a header, unless its
        records say otherwise.
    """
    header: list[Row] = []
    parts = list(_parts(rows))
    is_wide = any(_filled(row) > 1 for part in parts for row in part)
    for part in parts:
        if is_wide and certain and all(_filled(row) == 1 for row in part):
            yield from (" ".join("".join(row).split()) for row in part)
            continue
        tables = list(_side_by_side(part))
        certain_here = certain or len(tables) > 1
        for table in tables:
            if header and _continues(table, header):
                yield from grid.lines([*header, *table], len(header))
                continue
            if certain and not _is_named(table):
                yield from grid.lines(table, 0)
                header = []
                continue
            yield from grid.lines(table, certain=certain_here)
            header = _header_of(table, certain=certain_here)


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in rows:
        if any(cell.strip() for cell in row):
            part.append(row)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _side_by_side(part: list[Row]) -> Iterator[list[Row]]:
    """Tables with an empty column between them, where each has a header of its own."""
    width = max(map(len, part))
    filled = [False] * width
    for row in part:
        for column, cell in enumerate(row):
            filled[column] = filled[column] or bool(cell.strip())
    edges = [n for n in range(width) if filled[n] and (n == 0 or not filled[n - 1])]
    tables = []
    for start, after in zip(edges, [*edges[1:], width], strict=True):
        rows = [row[start:after] for row in part]
        tables.append([row for row in rows if any(cell.strip() for cell in row)])
    if len(tables) > 1 and all(map(_stands_alone, tables)):
        yield from tables
    else:
        kept = [n for n in range(width) if filled[n]]
        first = kept[0] if kept else 0
        yield [row[first:] for row in part] if first else part


def _stands_alone(table: list[Row]) -> bool:
    """Whether a table has a header of two names or more, and a label in its first column."""
    if len(table) > 2 and _filled(table[0]) == 1:
        table = table[1:]  # below a title
    first = [cell for cell in table[0] if cell.strip()]
    labels = [row[0] for row in table[1:] if row and row[0].strip()]
    return (
        len(first) > 1
        and len(table) > 1
        and not any(map(figures.is_number, first))
        and sum(map(figures.is_number, labels)) < len(labels)
    )


def _header_of(table: list[Row], *, certain: bool) -> list[Row]:
    table = headers.clean(table)
    preamble, depth = headers.place_in(table, 1, certain=certain)
    return table[preamble : preamble + depth]


def _is_named(table: list[Row]) -> bool:
    """Whether the first row of a table of records names its columns, if it could."""
    sample = headers.clean(table[: first_row.SAMPLED_ROWS])
    start, depth = headers.place(sample, certain=True)
    return depth != 1 or first_row.names_columns(sample[start], sample[start + 1 :])


def _continues(table: list[Row], header: list[Row]) -> bool:
    """Whether rows after a gap still belong to the header above: as wide, and with figures at once."""
    width = max(map(len, header))
    first = [cell for cell in table[0] if cell.strip()]
    fits = max(map(len, table)) <= width
    return fits and len(first) > 1 and any(map(figures.is_number, first[1:])) and width > 1
