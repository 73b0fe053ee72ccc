"""
What of a passage can answer: rows with their column names, fields, lists, steps and sentences.

Pure. Every unit is a span of its passage. Its text is what a person would read out: a row says
what each value is, a list comes with the sentence that opens it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal

from pipelines.answering.extracts.pieces import Piece, pieces
from pipelines.text import lines
from pipelines.text.lines import Span

Kind = Literal["sentence", "row", "field", "item", "list", "steps", "section"]

LONGEST_SENTENCE = 600
# A longer list is named by its items one by one.
LONGEST_WHOLE = 1500
LONGEST_SECTION = 500
# Lines of a table of figures between its years and its last row.
LONGEST_TABLE = 40
LONGEST_LINE = 60

_RULE = re.compile(r"\|?\s*:?-{3,}:?\s*(?:\|\s*:?-{3,}:?\s*)*\|?")
_NUMBERED = re.compile(r"\(?\d{1,3}[.)]\s")
_SCALE = re.compile(r"(?i)\bin (?:thousands|millions|billions)\b(?=[^\n]{0,80}\)?)")


@dataclass(frozen=True)
class Unit:
    """
    Something that can be read out as an answer.

    `about` is what it stands under: a heading, the question of an FAQ, the opening of a list.
    `around` is what it belongs to: the other fields of its record, the name of its record, the
    scale of its figures. `cells` are a row's columns and values. `opener` is the sentence that opens
    the list of an item.
    """

    kind: Kind
    span: Span
    text: str
    about: str = ""
    around: str = ""
    heading: str = ""
    cells: tuple[tuple[str, str], ...] = ()
    scale: str = ""
    paragraph: int = 0
    opener: str = ""

    @property
    def above(self) -> str:
        """What a reader sees right above it."""
        return self.opener or self.heading


def units(text: str, titles: frozenset[str] = frozenset()) -> list[Unit]:
    """
    The units of a passage in reading order.

    :param titles: The headings that it stands under, as `lines.plain` makes them.
    """
    return list(_Reader(text, list(pieces(text, titles))).read())


class _Reader:
    """Reads pieces in order and knows what they stand under."""

    def __init__(self, text: str, pieces: Sequence[Piece]) -> None:
        self._text = text
        self._pieces = pieces
        self._heading = self._asked = self._record = ""
        self._opener: Piece | None = None
        self._columns: tuple[str, ...] = ()

    def read(self) -> Iterator[Unit]:
        at = 0
        while at < len(self._pieces):
            piece = self._pieces[at]
            if piece.kind in ("heading", "question"):
                yield from self._section(at)
                self._start(piece)
                at += 1
                continue
            run = self._run(at)
            yield from self._of_run(self._pieces[at : at + run])
            at += run

    def _start(self, piece: Piece) -> None:
        self._opener, self._columns = None, ()
        if piece.kind == "question":
            self._asked = piece.text
        else:
            self._heading, self._asked = piece.text, ""

    def _run(self, at: int) -> int:
        """How many pieces from here on are of one list, table or record."""
        kind = self._pieces[at].kind
        if kind == "text":
            return 1
        end = at
        while end < len(self._pieces) and self._pieces[end].kind == kind:
            end += 1
        return end - at

    def _of_run(self, run: Sequence[Piece]) -> Iterator[Unit]:
        kind = run[0].kind
        if kind == "text":
            yield from self._sentence(run[0])
        elif kind == "item":
            yield from self._list(run)
        elif kind == "row":
            yield from self._table(run)
        elif kind == "labelled":
            for piece in run:
                yield self._unit("row", piece, cells=lines.fields(piece.text))
        elif kind == "figures":
            yield from self._figures(run)
        else:
            record = " ".join(piece.text for piece in run)[:LONGEST_WHOLE]
            if len(run) > 1:
                # What is told of one thing may go on after a table, until a name comes again.
                again = any(f" {piece.text.partition(':')[0]}:" in self._record for piece in run)
                goes_on = not again and self._record.startswith(self._heading) and self._record
                self._record = f"{self._record if goes_on else self._heading} {record}"
                self._record = self._record[:LONGEST_WHOLE]
            for piece in run:
                yield self._unit("field", piece)

    def _sentence(self, piece: Piece) -> Iterator[Unit]:
        self._opener = piece if piece.text.rstrip("*_ ").endswith((":", "：")) else None
        if len(piece.text) <= LONGEST_SENTENCE:
            yield self._unit("sentence", piece)

    def _list(self, run: Sequence[Piece]) -> Iterator[Unit]:
        opener = self._opener
        opened = opener.text if opener else ""
        for piece in run:
            yield replace(self._unit("item", piece, opened), opener=opened)
        first = opener or run[0]
        span = first.span[0], run[-1].span[1]
        if len(run) > 1 and span[1] - span[0] <= LONGEST_WHOLE:
            told = [opener, *run] if opener else run
            is_numbered = _NUMBERED.match(run[0].text) or lines.STEP.match(run[0].text)
            kind: Kind = "steps" if is_numbered else "list"
            yield self._unit(kind, replace(run[0], span=span, text=_lines(told)), opened)
        self._opener = None

    def _table(self, run: Sequence[Piece]) -> Iterator[Unit]:
        rows = [(piece, lines.cells(piece.text)) for piece in run]
        rule = next((n for n, (piece, _) in enumerate(rows[:3]) if _RULE.fullmatch(piece.text)), 0)
        header = rows[max(rule - 1, 0)][1]
        body = rows[rule + 1 :] if len(rows) > 1 else rows
        for piece, row in body:
            if _RULE.fullmatch(piece.text):
                continue
            # With another number of cells, nobody can say which name belongs to which value.
            named = len(rows) > 1 and len(header) == len(row)
            filled = [
                (n if named else "", v)
                for n, v in zip_longest(header[: len(row)], row, fillvalue="")
                if v
            ]
            if len(filled) > 1:
                yield self._unit("row", piece, cells=tuple(filled))

    def _figures(self, run: Sequence[Piece]) -> Iterator[Unit]:
        for at, piece in enumerate(run):
            if _is_head(piece) and any(not _is_head(below) for below in run[at + 1 :]):
                continue
            if aligned := self._aligned(piece):
                yield self._unit("row", piece, cells=aligned)
                continue
            name, values = lines.figures(piece.text)
            columns, scale, caption = self._columns_above(piece)
            named: tuple[tuple[str, str], ...] = ()
            if columns and len(values) >= len(columns):
                named = (("", name), *zip(columns, values, strict=False))
            unit = self._unit("row", piece, cells=named)
            yield replace(unit, around=" ".join((unit.around, caption, *columns)), scale=scale)

    def _aligned(self, piece: Piece) -> tuple[tuple[str, str], ...]:
        """
        The cells of a row that is set in columns by spaces, if a line above names them.

        A row with fewer cells leaves some out. Those that it has stand below their names.
        """
        start = self._text.rfind("\n", 0, piece.span[0]) + 1
        row = lines.placed(self._text[start : piece.span[1]])
        above = self._text[:start].splitlines()[::-1][:LONGEST_TABLE]
        heads = (lines.placed(line) for line in above if not any(c.isdigit() for c in line))
        head = next((head for head in heads if len(head) > 2 and len(head) >= len(row)), None)
        if head is None or len(row) < 2:
            return ()
        if len(head) == len(row):
            return tuple((name, cell) for (name, _), (cell, _) in zip(head, row, strict=True))
        below = [min(range(len(head)), key=lambda n: _apart(head[n][1], at)) for _, at in row]
        if below[0] != 0 or sorted(set(below)) != below:
            return ()
        return tuple((head[n][0], cell) for n, (cell, _) in zip(below, row, strict=True))

    def _columns_above(self, piece: Piece) -> tuple[list[str], str, str]:
        """The years that head the figures of a row, the scale that they are in, and their caption."""
        above = self._text[: piece.span[0]]
        rows = above.splitlines()[::-1][:LONGEST_TABLE]
        at = next((n for n, line in enumerate(rows) if lines.head_years(line)), None)
        if at is None:
            return [], "", ""
        scale = next((m.group() for line in rows if (m := _SCALE.search(line))), "")
        caption = [
            line for line in rows[at + 1 : at + 4] if line and len(line) <= lines.LONGEST_HEADING
        ]
        return lines.head_years(rows[at]), scale, " ".join(caption)

    def _section(self, at: int) -> Iterator[Unit]:
        """What stands under a heading or a question, whole, where it is short enough to read out."""
        below: list[Piece] = []
        for piece in self._pieces[at + 1 :]:
            if piece.kind in ("heading", "question"):
                break
            below.append(piece)
        if not below:
            return
        span = below[0].span[0], below[-1].span[1]
        listed = 2 * sum(len(p.text) for p in below if p.kind in ("item", "field")) > sum(
            len(p.text) for p in below
        )
        longest = LONGEST_WHOLE if listed else LONGEST_SECTION
        if span[1] - span[0] > longest or any(
            piece.kind not in ("item", "field", "text") for piece in below
        ):
            return
        heading = self._pieces[at].text
        yield Unit("section", span, _lines(below), heading, self._record, heading)

    def _unit(self, kind: Kind, piece: Piece, about: str = "", *, cells: tuple[tuple[str, str], ...] = ()) -> Unit:  # fmt: skip
        above = " ".join(part for part in (self._heading, self._asked, about) if part)
        return Unit(
            kind, piece.span, piece.text, above, self._record, self._heading, cells,
            paragraph=piece.paragraph,
        )  # fmt: skip


def values(unit: Unit) -> list[str]:
    """What a row or field says without the names of its columns. Other units say their text."""
    if unit.cells:
        return [value for _, value in unit.cells]
    match = lines.FIELD.fullmatch(unit.text) if unit.kind == "field" else None
    return [match["value"] if match else unit.text]


def label(unit: Unit) -> str:
    """What a row or field says something of. A line without an end may be a field without a colon."""
    if unit.cells:
        return unit.cells[0][1]
    if unit.kind == "row":
        return lines.figures(unit.text)[0]
    if unit.kind == "sentence" and len(unit.text) <= LONGEST_LINE and unit.text[-1] not in ".!:":
        return unit.text
    match = lines.FIELD.fullmatch(unit.text) if unit.kind == "field" else None
    return match["name"] if match else ""


def _is_head(piece: Piece) -> bool:
    """Whether a line names columns: by years, or it is set in them and holds no figure."""
    if lines.head_years(piece.text):
        return True
    return len(lines.columns(piece.text)) > 2 and not any(c.isdigit() for c in piece.text)


def _apart(left: Span, right: Span) -> int:
    """How far two cells are apart across the page. Negative where one stands below the other."""
    return max(left[0], right[0]) - min(left[1], right[1])


def _lines(pieces: Sequence[Piece]) -> str:
    """Sentences as running text, items and fields on lines of their own, each with a mark."""
    made: list[str] = []
    joins = False
    for piece in pieces:
        text = " ".join(piece.text.split())
        if piece.kind in ("item", "field"):
            mark = lines.ITEM.match(text)
            bare = text[mark.end() :] if mark else text
            made.append(text if mark and mark[1] else f"- {bare}")
        elif joins:
            made[-1] += f" {text}"
        else:  # after a blank line, because it is no part of the last item
            made.append(f"\n{text}" if made else text)
        joins = piece.kind not in ("item", "field")
    return "\n".join(made)
