"""Elements that a page says are others, or in other places: by their roles, or not closed."""

from __future__ import annotations

from typing import Any

_TAGS = {
    "table": "table", "grid": "table", "treegrid": "table", "rowgroup": "tbody", "row": "tr",
    "cell": "td", "gridcell": "td", "columnheader": "th", "rowheader": "th", "list": "ul",
    "listitem": "li",
}  # fmt: skip
_PLAIN = {"div", "span", "section"}


def part_terms(tree: Any) -> None:
    """Put terms that are not closed one after the other. The parser puts each into the one before."""
    for element in list(tree.iter("dt", "dd")):
        above = element.getparent()
        while above is not None and above.tag in ("dt", "dd"):
            around = above.getparent()
            around.insert(around.index(above) + 1, element)
            above = around


def give_tags(tree: Any) -> None:
    """Turn blocks with the role of a table, a list, or a part of one into it."""
    for element in tree.iter(*_PLAIN):
        role = element.get("role")
        if role == "heading" and element.get("aria-level", "") in set("123456"):
            element.tag = f"h{element.get('aria-level')}"
        elif role in _TAGS:
            element.tag = _TAGS[role]
