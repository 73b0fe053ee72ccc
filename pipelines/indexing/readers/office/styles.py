"""The paragraph styles of a Word file: which are headings, and which belong to a list. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipelines.indexing.readers.office.elements import value_of
from pipelines.indexing.readers.office.numbering import W

_HEADING = re.compile(
    r"(?:heading|title|überschrift|titel|titre|título|titolo|kop|rubrik|overskrift|otsikko|nagłówek"
    r"|nadpis|заголовок|başlık|見出し|标题|標題|제목)\s*(\d?)"
)


class Styles:
    """The heading level and the list of each paragraph style, its own or its basis's."""

    def __init__(self, root: Any | None) -> None:
        styles = [] if root is None else root.iter(W + "style")
        self._styles = {style.get(W + "styleId"): style for style in styles}

    def _chain(self, style_id: str | None) -> Iterator[Any]:
        seen: set[str] = set()
        while style_id and style_id not in seen and style_id in self._styles:
            seen.add(style_id)
            yield self._styles[style_id]
            style_id = value_of(self._styles[style_id], "basedOn")

    def level(self, style_id: str | None) -> int | None:
        """The level of a heading style."""
        for style in self._chain(style_id):
            level = heading_level((value_of(style, "name") or "").lower())
            if level is not None:
                return level
            outline = value_of(style, f"pPr/{W}outlineLvl")
            if outline is not None and outline.isdigit():
                return min(6, int(outline) + 1) if int(outline) < 9 else None
        return None

    def list_of(self, style_id: str | None) -> tuple[str, int | None, str | None] | None:
        """Number and level of the list that a style belongs to, and the style that says so."""
        for style in self._chain(style_id):
            number = value_of(style, f"pPr/{W}numPr/{W}numId")
            if number is not None:
                level = value_of(style, f"pPr/{W}numPr/{W}ilvl")
                return number, int(level) if level else None, style.get(W + "styleId")
        return None


def heading_level(name: str) -> int | None:
    """
    The level of a style by its name.

    :param name: In small letters.
    """
    found = _HEADING.fullmatch(name)
    return max(1, min(6, int(found.group(1) or 1))) if found is not None else None
