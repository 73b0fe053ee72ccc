"""
Rows of a table that were read as lines, ``Part: K-53; Torque: 11``, as a table again. Pure.

A line that explains itself is good to search and to cite, and tiring to read. Rows in a run that
have the same columns become one table. A line that would not come back as it was stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.chat.rendering.escaping import escape

Span = tuple[int, int]
FEWEST_ROWS, MOST_COLUMNS = 2, 30
LONGEST_NAME = 80


@dataclass(frozen=True)
class Row:
    """A line with its cells: each value's column and where it begins in the text."""

    start: int
    end: int
    cells: tuple[tuple[str, str, int], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns, in order."""
        return tuple(name for name, _, _ in self.cells)


@dataclass(frozen=True)
class TableRun:
    """A part of a text: rows that form a table, or none and other text."""

    start: int
    end: int
    rows: tuple[Row, ...] = ()


def runs(text: str) -> Iterator[TableRun]:
    """The parts of a text in order, without gaps."""
    held: list[Row] = []
    done = 0
    for row in _lines(text):
        if row.cells and (not held or row.names == held[0].names):
            held.append(row)
        elif row.start == row.end and held:  # an empty line between rows
            continue
        else:
            yield from _closed(done, held)
            done = held[-1].end if len(held) >= FEWEST_ROWS else done
            held = [row] if row.cells else []
    yield from _closed(done, held)
    done = held[-1].end if len(held) >= FEWEST_ROWS else done
    if text[done:].strip():
        yield TableRun(done, len(text))


def _closed(done: int, held: Sequence[Row]) -> Iterator[TableRun]:
    if len(held) < FEWEST_ROWS:
        return
    if held[0].start > done:
        yield TableRun(done, held[0].start)
    yield TableRun(held[0].start, held[-1].end, tuple(held))


def _lines(text: str) -> Iterator[Row]:
    start = 0
    for line in text.split("\n"):
        yield Row(start, start + len(line), _cells(line, start))
        start += len(line) + 1


def _cells(line: str, start: int) -> tuple[tuple[str, str, int], ...]:
    """The cells of a line, or none if not every part of it has a name and a value."""
    cells = []
    place = 0
    for part in line.split("; "):
        name, found, value = part.partition(": ")
        if not found or not name.strip() or not value.strip() or len(name) > LONGEST_NAME:
            return ()
        cells.append((name, value, start + place + len(name) + 2))
        place += len(part) + 2
    names = [name for name, _, _ in cells]
    is_row = 1 < len(cells) <= MOST_COLUMNS and len(set(names)) == len(names)
    return tuple(cells) if is_row else ()


def html(rows: Sequence[Row], span: Span | None) -> str:
    """Rows as a table, with the cells of a span marked."""
    head = "".join(f'<th dir="auto">{escape(name)}</th>' for name in rows[0].names)
    body = "".join(
        f"<tr>{''.join(_cell(value, at, span) for _, value, at in row.cells)}</tr>" for row in rows
    )
    table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="table"><table>{table}</table></div>'


def _cell(value: str, at: int, span: Span | None) -> str:
    start, end = span or (0, 0)
    from_, to = max(start - at, 0), min(end - at, len(value))
    if from_ >= to:
        return f'<td dir="auto">{escape(value)}</td>'
    marked = f"<mark>{escape(value[from_:to])}</mark>"
    return f'<td dir="auto">{escape(value[:from_])}{marked}{escape(value[to:])}</td>'
