"""XML: in its order where it is a text, else value by value."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble
from pipelines.indexing.readers.data.values import Values
from pipelines.indexing.readers.tables import grid, sheet
from pipelines.indexing.readers.web import markup

# Characters that an entity of an XML file stands for, and all of them together.
LONGEST_ENTITY, MOST_EXPANDED = 1000, 1_000_000
# A text without marks in it, and without entities but those that every XML file has.
_PLAIN = re.compile(r"(?:[^&<]|&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)*")
# Elements that only texts have: their order counts.
_OF_TEXTS = {"p", "para", "simpara", "paragraph", "section", "chapter"}
_CODE = {"programlisting", "screen", "literallayout", "codeblock"}
_TABLES = {"table", "informaltable", "tgroup", "simpletable"}
_ROWS = {"row", "tr", "strow", "sthead"}
# What Excel saves as XML.
_EXCEL = "{urn:schemas-microsoft-com:office:spreadsheet}"
_TITLES = {"title", "head", "heading"}


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
    _put_entities(root)
    if _name(root) == "html":
        return markup.read_html(data, mime)
    if root.tag == f"{_EXCEL}Workbook":
        return assemble(list(_sheets(root)), mime)
    if any(_name(element) in _OF_TEXTS for element in root.iter("{*}*")):
        return assemble(list(_in_order(root, 1)), mime)
    values = Values()
    blocks = list(values.blocks(_value(root), _name(root)))
    return assemble(blocks, mime, notes=values.notes())


def _put_entities(root: Any) -> None:
    """Put the texts of the entities that a file defines itself in their places, if they are plain."""
    from lxml import etree

    defined = root.getroottree().docinfo.internalDTD
    known = {
        one.name: html.unescape(one.content)
        for one in (defined.iterentities() if defined is not None else ())
        if one.content and len(one.content) <= LONGEST_ENTITY and _PLAIN.fullmatch(one.content)
    }
    left = MOST_EXPANDED
    for node in list(root.iter(etree.Entity)):
        content = known.get(node.name, node.text) if left > 0 else node.text
        left -= len(content)
        text = f"{content}{node.tail or ''}"
        before, above = node.getprevious(), node.getparent()
        if before is not None:
            before.tail = (before.tail or "") + text
        else:
            above.text = (above.text or "") + text
        node.tail = None
        above.remove(node)


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


def _sheets(root: Any) -> Iterator[Block]:
    """The rows of each sheet of a workbook, under its name."""
    for one in root.iter(f"{_EXCEL}Worksheet"):
        if lines := list(sheet.lines(map(_cells, one.iter(f"{_EXCEL}Row")))):
            yield Block(one.get(f"{_EXCEL}Name") or "sheet", level=1)
            yield from map(Block, lines)


def _cells(row: Any) -> list[str]:
    """The cells of a row in their columns. Empty ones are not written, but the next says its place."""
    cells: list[str] = []
    for cell in row.iterchildren(f"{_EXCEL}Cell"):
        place, wide = (cell.get(f"{_EXCEL}{name}") or "" for name in ("Index", "MergeAcross"))
        if place.isdecimal():
            cells += [""] * (min(int(place), grid.MOST_COLUMNS) - 1 - len(cells))
        cells.append(" ".join("".join(cell.itertext()).split()))
        if wide.isdecimal():
            cells += [""] * min(int(wide), grid.MOST_COLUMNS)
    return cells


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
