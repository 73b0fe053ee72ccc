"""
What Markdown dialects write in whole lines: notes below the text, boxes, tabs.

Lines inside of fenced code are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.indexing.readers.tables import drawn

FENCE = re.compile(r" {0,3}(```+|~~~+)")
_NOTE = re.compile(r"(?: {0,3}>)* {0,3}\[\^([^\]\s]{1,100})\]:[ \t]*(.*)")
_INDENTED = re.compile(r"(?: {4}|\t| {1,3}\t)(.*)")
# What ends a paragraph without an empty line.
_BEGINS = re.compile(r" {0,3}(?:#{1,6} |>|[-*+] |\d{1,9}[.)] |\||\[\^|```|~~~|:::)")
# ":::" and "!!!", what kind of box it is, and its title.
_BOX = re.compile(r" {0,3}:{3,}[ \t]*\{?\.?([A-Za-z][\w-]{0,30})?\}?[ \t]*(.{0,200})$")
_INDENTED_BOX = re.compile(
    r" {0,3}(?:(?:!!!|\?\?\?\+?)[ \t]+([A-Za-z][\w-]*)[ \t]*\"?([^\"]*)|===[+!]?[ \t]+()\"([^\"]+))\"?[ \t]*$"
)
# The line around the cells of a table, as Pandoc draws it.
_GRID = re.compile(r"^\+[-=:]{2,}[-=:+]*\+[ \t]*$", re.MULTILINE)
# The line below the names of a table, bars that part cells, and code within a line.
_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_BAR = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`[^`]+`")
_ABBREVIATION = re.compile(r" {0,3}\*\[([^\]]{1,100})\]:[ \t]+(.+)")


def with_pipes(text: str) -> str:
    """A text in which tables with lines around their cells are written as all others."""
    if not _GRID.search(text):
        return text
    kept: list[str] = []
    table: list[str] = []
    for line, is_code in [*_outside_code(text), ("", False)]:
        if not is_code and (_GRID.match(line) or (table and line.startswith("|"))):
            table.append(line)
            continue
        kept += _piped(table)
        table = []
        kept.append(line)
    return "\n".join(kept[:-1])


def with_whole_code(text: str) -> str:
    """A text in which bars of code in the rows of a table part no cells: `ls | wc`."""
    if "`" not in text or "|" not in text:
        return text
    kept: list[str] = []
    width = 0
    for line, is_code in _outside_code(text):
        bars = 0 if is_code else _bars(line)
        if not bars:
            width = 0
        elif _RULE.fullmatch(line.strip()):
            width = bars
        elif width and bars > width and "`" in line:
            whole = _CODE.sub(lambda code: _BAR.sub(r"\|", code.group()), line)
            line = whole if _bars(whole) == width else line
        kept.append(line)
    return "\n".join(kept)


def _bars(line: str) -> int:
    """Number of bars that part cells, without those at both ends of a row."""
    return len(_BAR.findall(line.strip().removeprefix("|").removesuffix("|"))) + ("|" in line)


def _piped(table: list[str]) -> list[str]:
    rows = drawn.rows_of(table)
    if not rows:
        return table
    lines = ["| {} |".format(" | ".join(cell.replace("|", "\\|") for cell in row)) for row in rows]
    return ["", lines[0], "|---" * len(rows[0]) + "|", *lines[1:], ""]


def split_off(text: str) -> tuple[str, dict[str, str]]:
    """
    A text without its notes, and with boxes and tabs as paragraphs.

    :returns: The text, and the text of each note by its name. The first of one name counts.
    """
    kept: list[str] = []
    notes: dict[str, list[str]] = {}
    note: list[str] | None = None
    in_box = is_gap = False
    for line, is_code in _outside_code(text):
        indented = _INDENTED.match(line)
        defined = None if is_code else _NOTE.match(line)
        if defined is not None:
            note, in_box = [defined.group(2)], False
            notes.setdefault(defined.group(1), note)
        elif note is not None and (indented or not line.strip() or not _ends(line, is_gap)):
            note.append(indented.group(1) if indented else line)
        elif in_box and (indented or not line.strip()):
            kept.append(indented.group(1) if indented else line)
        else:
            note, opened = None, None if is_code else _INDENTED_BOX.match(line)
            kept += [""] if in_box else []
            in_box = opened is not None
            kept.append(line if is_code else _without_box(line, opened))
        is_gap = not line.strip()
    return "\n".join(kept), {name: "\n".join(lines).strip() for name, lines in notes.items()}


def _ends(line: str, is_gap: bool) -> bool:
    """Whether a line that is not indented ends a note."""
    return is_gap or _BEGINS.match(line) is not None


def _without_box(line: str, opened: re.Match[str] | None) -> str:
    """The first or last line of a box as a paragraph that says what the box is."""
    if (abbreviation := _ABBREVIATION.match(line)) is not None:
        return f"\n{abbreviation.group(1)}: {abbreviation.group(2)}\n"
    opened = opened or _BOX.match(line)
    if opened is None:
        return line
    kind, *titles = opened.groups("")
    kind, title = kind.capitalize(), "".join(titles).strip(" []{}")
    return f"\n{kind}: {title}\n" if kind and title else f"\n{kind or title}\n"


def _outside_code(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to fenced code."""
    fence = ""
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
            yield line, True
        else:
            yield line, bool(fence)
