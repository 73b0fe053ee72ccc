"""JSON and XML: each value with its name, and lists of records as tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.tables import grid, headers
from pipelines.indexing.readers.web import markup
from pipelines.text.encodings.decode import decode

# A list of more numbers is a curve or an outline on a map, which nobody asks about.
MOST_NUMBERS = 100
# Records with more names between them are no table.
MOST_NAMES = 200
# Each with the strings around it, which stay as they are.
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')
_NAMES_OF_COLUMNS = ("columns", "headers", "header", "fields")
_NAMES_OF_ROWS = ("data", "rows", "values", "records")
_HTML = re.compile(r"</(?:p|div|b|i|a|li|ul|ol|td|table|strong|em|span|h[1-6])>|<br ?/?>", re.I)
# Elements that only texts have: their order counts.
_OF_TEXTS = {"p", "para", "simpara", "paragraph", "section", "chapter"}
_CODE = {"programlisting", "screen", "literallayout", "codeblock"}
_TABLES = {"table", "informaltable", "tgroup", "simpletable"}
_ROWS = {"row", "tr", "strow", "sthead"}
_TITLES = {"title", "head", "heading"}


def read_json(data: bytes, mime: str) -> Converted:
    """
    The values of a JSON file.

    :raises InputError: It is none.
    """
    text, encoding = decode(data)
    try:
        value = _loaded(text)
    except json.JSONDecodeError as error:
        if (bare := _without_comments(text)) != text:
            return read_json(bare.encode(), mime)
        raise InputError(
            f"the file is damaged: it is no JSON (line {error.lineno}: {error.msg})"
        ) from None
    values = _Values()
    return assemble(list(values.blocks(value, "")), mime, encoding, notes=values.notes())


def read_json_lines(data: bytes, mime: str) -> Converted:
    """
    The records of a JSON Lines file.

    :raises InputError: None of its lines is JSON.
    """
    text, encoding = decode(data)
    records: list[Any] = []
    broken: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            records.append(_loaded(line))
        except json.JSONDecodeError:
            broken.append(number)
    if not records:
        raise InputError("the file is damaged: none of its lines is JSON")
    values = _Values()
    blocks = list(values.blocks(records, ""))
    notes = values.notes()
    if broken:
        shown = ", ".join(map(str, broken[:20])) + (" ..." if len(broken) > 20 else "")
        notes.append(f"{counted(len(broken), 'line')} not read, which is no JSON: {shown}")
    return assemble(blocks, mime, encoding, notes=notes)


def _loaded(text: str) -> Any:
    """The value of a JSON text. Numbers stay as they are written."""
    return json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str)


def _without_comments(text: str) -> str:
    """JSON without what programs for settings allow in it: comments, and commas at the end."""
    return _COMMA.sub(r"\1", _COMMENT.sub(lambda found: found.group(1) or "", text))


def read_xml(data: bytes, mime: str) -> Converted:
    """
    The text of an XML file: in its order where it is a text, else value by value.

    :raises InputError: It is no XML.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"the file is damaged: it is no XML ({error.msg})") from None
    if _name(root) == "html":
        return markup.read_html(data, mime)
    if any(_name(element) in _OF_TEXTS for element in root.iter("{*}*")):
        return assemble(list(_in_order(root, 1)), mime)
    values = _Values()
    blocks = list(values.blocks(_value(root), _name(root)))
    return assemble(blocks, mime, notes=values.notes())


class _Values:
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
        elif text := _written(value):
            yield Block(f"{path}: {text}" if path else text)

    def _list(self, values: list[Any], path: str) -> Iterator[Block]:
        if _is_matrix(values):
            yield from [Block(path, level=1)] if path else []
            yield from map(Block, grid.lines([[_written(one) for one in row] for row in values]))
            return
        if not all(isinstance(value, dict) for value in values):
            for number, value in enumerate(values, 1):
                yield from self.blocks(value, f"{path}[{number}]" if path else "")
            return
        records = [self._flat(value) for value in values]
        names = list(dict.fromkeys(name for flat, _ in records for name in flat))
        if len(names) > MOST_NAMES or len(values) < 2:
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
            if isinstance(inner, dict):
                deeper, others = self._flat(inner)
                flat |= {f"{name}.{key}": text for key, text in deeper.items()}
                rest += [(f"{name}.{key}", one) for key, one in others]
            elif isinstance(inner, list) and not _is_simple(inner):
                rest.append((name, inner))
            elif isinstance(inner, list) and self._is_curve(inner):
                self._left += 1
            elif text := _written(inner):
                flat[name] = text
        return flat, rest

    def _is_curve(self, values: list[Any]) -> bool:
        return len(values) > MOST_NUMBERS and all(headers.is_number(_written(v)) for v in values)


def _is_matrix(values: list[Any]) -> bool:
    """Whether a list is the rows of a table, one cell after the other."""
    rows = [value for value in values if isinstance(value, list) and _is_simple(value)]
    width = len(rows[0]) if rows else 0
    return (
        len(rows) == len(values) > 1
        and 1 < width <= MOST_NAMES
        and all(len(row) == width for row in rows)
        and not all(headers.is_number(_written(one)) for row in rows for one in row)
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
            return [[_written(one) for one in row] for row in table], others
    return [], value


def _is_simple(values: list[Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


def _written(value: Any) -> str:
    """A simple value as text. Nothing is written for a value that is absent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_written, value)))
    text = str(value).strip()
    if "<" in text and _HTML.search(text):
        return "\n".join(block.text for block in markup.html_blocks(text))
    return text


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _value(element: Any) -> Any:
    """An XML element as JSON would have it."""
    text = " ".join((element.text or "").split())
    children = [child for child in element if isinstance(child.tag, str)]
    tails = any((child.tail or "").strip() for child in children)
    if tails or (text and children):  # text with marks in it
        text, children = " ".join("".join(element.itertext()).split()), []
    given = {str(name).rpartition("}")[2]: value for name, value in element.attrib.items()}
    if not children and not given:
        return text
    found: dict[str, Any] = dict(given)
    for child in children:
        name = str(child.tag).rpartition("}")[2]
        if name not in found:
            found[name] = _value(child)
        elif isinstance(found[name], list):
            found[name].append(_value(child))
        else:
            found[name] = [found[name], _value(child)]
    if text:
        found["text"] = text
    return found


def _in_order(element: Any, depth: int) -> Iterator[Block]:
    """The paragraphs of a text, with titles as headings as deep as they stand."""
    children = [child for child in element if isinstance(child.tag, str)]
    if _name(element) in _CODE:
        yield Block("".join(element.itertext()), verbatim=True)
        return
    if _name(element) in _TABLES and any(_name(one) in _ROWS for one in element.iter("{*}*")):
        yield from _table(element)
        return
    loose = any((part or "").strip() for part in (element.text, *(c.tail for c in children)))
    if loose or not children:
        text = " ".join("".join(element.itertext()).split())
        yield Block(text, level=min(6, depth - 1) or 1 if _name(element) in _TITLES else None)
        return
    for child in children:
        yield from _in_order(child, depth + 1)


def _table(element: Any) -> Iterator[Block]:
    """The title of a table, and its rows with the names of their columns."""
    rows, said = [], []
    for one in element.iter("{*}*"):
        if _name(one) in _ROWS:
            cells = [cell for cell in one if isinstance(cell.tag, str)]
            rows.append([" ".join("".join(cell.itertext()).split()) for cell in cells])
        elif _name(one) in (*_TITLES, "caption"):
            said.append(" ".join("".join(one.itertext()).split()))
    yield from map(Block, [*said, *grid.lines(rows, certain=True)])
