"""Values with names, as JSON and XML hold them: each with where it stands, lists of records as tables."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from pipelines.indexing.converted import Block, counted
from pipelines.indexing.readers.tables import figures, grid
from pipelines.indexing.readers.web import markup

# A list of more numbers is a curve or an outline on a map, which nobody asks about.
MOST_NUMBERS = 100
# Values of a list that are looked at to tell whether it is one, and how deep they may stand.
MOST_LEAVES = 2000
DEEPEST = 6
# Records with more names between them are no table.
MOST_NAMES = 200
_NAMES_OF_COLUMNS = ("columns", "headers", "header", "fields")
_NAMES_OF_ROWS = ("data", "rows", "values", "records")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[0-9a-f]{1,6});", re.I)
_HTML = re.compile(r"</(?:p|div|b|i|a|li|ul|ol|td|table|strong|em|span|h[1-6])>|<br ?/?>", re.I)


class Values:
    """Walks values, and counts the lists that it leaves out."""

    def __init__(self) -> None:
        self._left = 0

    def notes(self) -> list[str]:
        """What was not read."""
        if not self._left:
            return []
        return [f"{counted(self._left, 'list')} of more than {MOST_NUMBERS} numbers left out"]

    def blocks(self, value: Any, path: str) -> Iterator[Block]:
        """The blocks of a value, whose names say where it stands."""
        if isinstance(value, dict):
            table, value = _named_table(value)
            yield from map(Block, grid.lines(table, 1) if table else [])
            flat, rest = self._flat(value)
            lines = [f"{_under(path, name)}: {text}" for name, text in flat.items()]
            yield Block("\n".join(lines), verbatim=True)
            for name, inner in rest:
                yield from self.blocks(inner, _under(path, name))
        elif isinstance(value, list):
            yield from self._list(value, path)
        elif text := written(value):
            yield Block(f"{path}: {text}" if path else text)

    def _list(self, values: list[Any], path: str) -> Iterator[Block]:
        if _is_matrix(values):
            yield from [Block(path, level=1)] if path else []
            yield from map(Block, grid.lines([[written(one) for one in row] for row in values]))
            return
        if not all(isinstance(value, dict) for value in values):
            for number, value in enumerate(values, 1):
                yield from self.blocks(value, f"{path}[{number}]" if path else "")
            return
        left = self._left
        records = [self._flat(value) for value in values]
        names = list(dict.fromkeys(name for flat, _ in records for name in flat))
        if len(names) > MOST_NAMES or len(values) < 2:
            self._left = left  # they are counted where each is read
            for number, value in enumerate(values, 1):
                yield from self.blocks(value, f"{path}[{number}]" if len(values) > 1 else path)
            return
        if path:
            yield Block(path, level=1)
        for flat, rest in records:
            row = [flat.get(name, "") for name in names]
            yield from map(Block, grid.lines([names, row], 1) if any(row) else [])
            label = next(iter(flat.values()), "")[:80]
            for name, inner in rest:
                yield from self.blocks(inner, f"{label} {name}".strip())

    def _flat(self, value: dict[str, Any]) -> tuple[dict[str, str], list[tuple[str, Any]]]:
        """The simple values of an object, those of objects in it as well, and what is none."""
        flat: dict[str, str] = {}
        rest: list[tuple[str, Any]] = []
        for name, inner in value.items():
            if isinstance(inner, list) and self._is_curve(inner):
                self._left += 1
            elif isinstance(inner, dict):
                deeper, others = self._flat(inner)
                flat |= {f"{name}.{key}": text for key, text in deeper.items()}
                rest += [(f"{name}.{key}", one) for key, one in others]
            elif isinstance(inner, list) and not _is_simple(inner):
                rest.append((name, inner))
            elif text := written(inner):
                flat[name] = text
        return flat, rest

    def _is_curve(self, values: list[Any]) -> bool:
        """Whether a list is many numbers, also in lists of their own: points of an outline."""
        leaves = list(islice(_leaves(values), MOST_LEAVES))
        return len(leaves) > MOST_NUMBERS and all(figures.is_number(one) for one in leaves)


def _leaves(values: list[Any], depth: int = 0) -> Iterator[str]:
    for value in values:
        if isinstance(value, list) and depth < DEEPEST:
            yield from _leaves(value, depth + 1)
        else:
            yield "{}" if isinstance(value, dict | list) else written(value)


def _is_matrix(values: list[Any]) -> bool:
    """Whether a list is the rows of a table, one cell after the other."""
    rows = [value for value in values if isinstance(value, list) and _is_simple(value)]
    width = len(rows[0]) if rows else 0
    return (
        len(rows) == len(values) > 1
        and 1 < width <= MOST_NAMES
        and all(len(row) == width for row in rows)
        and not all(figures.is_number(written(one)) for row in rows for one in row)
    )


def _named_table(value: dict[str, Any]) -> tuple[list[list[str]], dict[str, Any]]:
    """The rows of a table whose columns are named beside it, and what else an object has."""
    for names, rows in product(_NAMES_OF_COLUMNS, _NAMES_OF_ROWS):
        head, body = value.get(names), value.get(rows)
        if not (isinstance(head, list) and isinstance(body, list) and head and body):
            continue
        table = [head, *body]
        if all(isinstance(r, list) and _is_simple(r) and len(r) == len(head) for r in table):
            others = {key: one for key, one in value.items() if key not in (names, rows)}
            return [[written(one) for one in row] for row in table], others
    return [], value


def _is_simple(values: list[Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


def written(value: Any) -> str:
    """A simple value as text. Nothing is written for a value that is absent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(filter(None, map(written, value)))
    text = str(value).strip()
    if "<" in text and _HTML.search(text):
        return "\n".join(block.text for block in markup.html_blocks(text))
    return html.unescape(text) if _ENTITY.search(text) else text


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
