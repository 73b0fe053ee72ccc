"""Tables drawn with signs in a plain text: bars, pluses and dashes, or lines of a terminal. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.indexing.readers.tables import grid

# Fewer rows are no table.
FEWEST_ROWS = 2
MOST_ROWS = 5_000

_BARS = "|│┃║"
_ROW = re.compile(rf"[ \t]*[{_BARS}].*[{_BARS}].*")
_RULE = re.compile(r"[ \t]*[+|├┌└╔╠╚┏┣┗╭╰][-=+:| \t─━═┬┼┴┤┐┘╦╬╩╣╗╝╤╪╧╡╞┳╋┻┫┓┛╮╯├┌└╔╠╚┏┣┗╭╰]{2,}")
# In AsciiDoc a table stands between two of these.
_FENCE = re.compile(r"[ \t]*\|={3,}[ \t]*")
_SPLIT = re.compile(rf"(?<!\\)[{_BARS}]")


def parts(text: str) -> Iterator[str | list[str]]:
    """The text between tables as it stands, and the rows of each table with their column names."""
    waiting: list[str] = []
    table: list[str] = []
    for line in [*text.split("\n"), ""]:
        if len(table) < MOST_ROWS and (_ROW.fullmatch(line) or _is_rule(line)):
            table.append(line)
            continue
        rows = rows_of(table)
        if rows:
            yield "\n".join(waiting)
            yield grid.lines(rows, certain=True)
            waiting = []
        else:
            waiting += table
        table = []
        waiting.append(line)
    yield "\n".join(waiting[:-1])


def _is_rule(line: str) -> bool:
    return _RULE.fullmatch(line) is not None or _FENCE.fullmatch(line) is not None


def rows_of(table: list[str]) -> list[list[str]]:
    """The cells of each row, or nothing if the lines are no table."""
    groups: list[list[list[str]]] = [[]]
    for line in table:
        if _is_rule(line):
            groups.append([])
        else:
            groups[-1].append(_cells(line))
    groups = [group for group in groups if group]
    rows = [row for group in groups for row in group]
    width = len(rows[0]) if rows else 0
    if len(rows) < FEWEST_ROWS or width < 2 or any(len(row) != width for row in rows):
        return []
    # Where a line is drawn between all rows, a row may have several lines.
    if len(groups) > 2 or any("==" in line for line in table if line.lstrip().startswith("+")):
        return [[" ".join(filter(None, cells)) for cells in zip(*g, strict=True)] for g in groups]
    return rows


def _cells(line: str) -> list[str]:
    inner = line.strip()[1:]
    cells = [cell.strip().replace("\\|", "|") for cell in _SPLIT.split(inner)]
    return cells[:-1] if inner[-1:] in _BARS else cells
