"""The numbers that Word computes: "3.2" before a clause stands nowhere in its text. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipelines.indexing.readers.counting import written

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LEVELS = 9


@dataclass(frozen=True)
class _Level:
    start: int
    kind: str
    text: str
    legal: bool
    restarts: bool = True


class ListNumbering:
    """Counts the numbered paragraphs of a document in the order they come."""

    def __init__(self, root: Any | None) -> None:
        """:param root: Of the part `numbering.xml`, where there is one."""
        self._abstract: dict[str, dict[int, _Level]] = {}
        self._by_style: dict[tuple[str, str], int] = {}
        self._lists: dict[str, str] = {}
        self._overrides: dict[str, dict[int, int]] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._begun: set[str] = set()
        if root is not None:
            self._read(root)

    def _read(self, root: Any) -> None:
        for abstract in root.iter(W + "abstractNum"):
            name = abstract.get(W + "abstractNumId")
            self._abstract[name] = {}
            for level in abstract.iter(W + "lvl"):
                place = _int(level.get(W + "ilvl"), 0)
                self._abstract[name][place] = _Level(
                    _int(_value(level, "start"), 1),
                    _value(level, "numFmt") or "decimal",
                    _value(level, "lvlText") or "",
                    level.find(W + "isLgl") is not None,
                    _value(level, "lvlRestart") != "0",
                )
                if style := _value(level, "pStyle"):
                    self._by_style[name, style] = place
        for number in root.iter(W + "num"):
            name = number.get(W + "numId")
            self._lists[name] = _value(number, "abstractNumId") or ""
            for override in number.iter(W + "lvlOverride"):
                start = _value(override, "startOverride")
                if start is not None:
                    place = _int(override.get(W + "ilvl"), 0)
                    self._overrides.setdefault(name, {})[place] = _int(start, 1)

    def label(self, number: str, level: int | None, style: str | None) -> str:
        """The next label of a list: its number, or a dash for a bullet."""
        abstract = self._lists.get(number)
        levels = self._abstract.get(abstract or "")
        if abstract is None or not levels:
            return ""
        if level is None:
            level = self._by_style.get((abstract, style or ""), 0)
        level = max(0, min(LEVELS - 1, level))
        if level not in levels:
            return ""
        counts = self._counts.setdefault(abstract, [None] * LEVELS)
        if number not in self._begun:
            self._begun.add(number)
            for place, start in self._overrides.get(number, {}).items():
                if 0 <= place < LEVELS:
                    counts[place] = start - 1
        for above in range(level):
            if counts[above] is None and above in levels:
                counts[above] = levels[above].start
        current = counts[level]
        counts[level] = levels[level].start if current is None else current + 1
        for below in range(level + 1, LEVELS):
            if below not in levels or levels[below].restarts:
                counts[below] = None
        return self._written(levels, level, counts)

    @staticmethod
    def _written(levels: dict[int, _Level], level: int, counts: list[int | None]) -> str:
        own = levels[level]
        if own.kind == "bullet":
            return "-"
        if own.kind == "none":
            return ""

        def number(found: re.Match[str]) -> str:
            place = int(found.group(1)) - 1
            kind = levels[place].kind if place in levels else "decimal"
            count = counts[place] if place < LEVELS else None
            return written(1 if count is None else count, "decimal" if own.legal else kind)

        return re.sub(r"%([1-9])", number, own.text).strip()


def _value(element: Any, name: str) -> str | None:
    found = element.find(W + name)
    value: str | None = found.get(W + "val") if found is not None else None
    return value


def _int(text: str | None, otherwise: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return otherwise
