"""The namespaces of OpenDocument, and what its styles say. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.indexing.readers.counting import written

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
SHOW = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
DC = "{http://purl.org/dc/elements/1.1/}"
LINK = "{http://www.w3.org/1999/xlink}"
KINDS_OF_NUMBERS = {
    "1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman",
}  # fmt: skip


@dataclass(frozen=True)
class _ListLevel:
    """
    How the items of a list are numbered at one level.

    :param kind: As `written` takes it.
    :param shown: Number of levels whose numbers stand in a label.
    """

    kind: str
    before: str
    after: str
    shown: int
    start: int

    @classmethod
    def of(cls, level: Any) -> _ListLevel:
        """A level of a list style from its element."""
        return cls(
            KINDS_OF_NUMBERS.get(level.get(STYLE + "num-format") or "1", "decimal"),
            level.get(STYLE + "num-prefix") or "",
            level.get(STYLE + "num-suffix") or "",
            int(level.get(TEXT + "display-levels") or 1),
            int(level.get(TEXT + "start-value") or 1),
        )


class Lists:
    """Which lists of a document have numbers, and the numbers of its headings."""

    def __init__(self, roots: list[Any]) -> None:
        self._levels: dict[tuple[str, int], _ListLevel] = {}
        self._outline: dict[int, int] = {}
        self._counts = [0] * 11
        for root in roots:
            for style in root.iter(TEXT + "list-style"):
                name = style.get(STYLE + "name") or ""
                for level in style.iterchildren(TEXT + "list-level-style-number"):
                    if level.get(STYLE + "num-format"):
                        place = int(level.get(TEXT + "level") or 1)
                        self._levels[name, place] = _ListLevel.of(level)
            for level in root.iter(TEXT + "outline-level-style"):
                if level.get(STYLE + "num-format"):
                    place = int(level.get(TEXT + "level") or 1)
                    self._outline[place] = int(level.get(TEXT + "display-levels") or 1)

    def first(self, style: str, level: int) -> int:
        """The number of the first item of a list at a level from 1."""
        found = self._levels.get((style, level))
        return found.start if found is not None else 1

    def label(self, style: str, counts: Sequence[int]) -> str:
        """
        What stands before an item of a list: its number, or a dash.

        :param counts: The number of the item and of those around it, outermost first.
        """
        level = len(counts)
        found = self._levels.get((style, level))
        if found is None:
            return "-"
        parts = [
            written(counts[place - 1], self._levels[style, place].kind)
            for place in range(max(1, level - found.shown + 1), level + 1)
            if (style, place) in self._levels
        ]
        around = f"{found.before}{'.'.join(parts)}{found.after}"
        return around if found.before or found.after else f"{around}."

    def of_heading(self, level: int) -> str:
        """The number of the next heading of a level from 1, empty without one."""
        if not 0 < level <= 10:
            return ""
        self._counts[level] += 1
        self._counts[level + 1 :] = [0] * (10 - level)
        shown = self._outline.get(level)
        if shown is None:
            return ""
        numbers = self._counts[max(1, level - shown + 1) : level + 1]
        return ".".join(str(number or 1) for number in numbers)


def looks(roots: Sequence[Any]) -> dict[str, str]:
    """The names of the styles of raised and struck words, with what they do."""
    found = {}
    for root in roots:
        for properties in root.iter(STYLE + "text-properties"):
            name = properties.getparent().get(STYLE + "name") or ""
            place = properties.get(STYLE + "text-position") or ""
            if place.startswith("super") or (place[:1].isdigit() and not place.startswith("0")):
                found[name] = "raised"
            elif properties.get(STYLE + "text-line-through-style", "none") != "none":
                found[name] = "struck"
    return found
