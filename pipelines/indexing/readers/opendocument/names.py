"""The namespaces of OpenDocument, and what its styles say. Pure."""

from __future__ import annotations

from typing import Any

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
SHOW = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
DC = "{http://purl.org/dc/elements/1.1/}"
LINK = "{http://www.w3.org/1999/xlink}"


class Lists:
    """Which lists of a document have numbers, and the numbers of its headings."""

    def __init__(self, roots: list[Any]) -> None:
        self._numbered: dict[str, set[int]] = {}
        self._outline: dict[int, int] = {}
        self._counts = [0] * 11
        for root in roots:
            for style in root.iter(TEXT + "list-style"):
                levels = style.iterchildren(TEXT + "list-level-style-number")
                named = {
                    int(level.get(TEXT + "level") or 1)
                    for level in levels
                    if level.get(STYLE + "num-format")
                }
                self._numbered[style.get(STYLE + "name") or ""] = named
            for level in root.iter(TEXT + "outline-level-style"):
                if level.get(STYLE + "num-format"):
                    place = int(level.get(TEXT + "level") or 1)
                    self._outline[place] = int(level.get(TEXT + "display-levels") or 1)

    def is_numbered(self, style: str, level: int) -> bool:
        """Whether the items of a list style have numbers at a level from 1."""
        return level in self._numbered.get(style, ())

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
