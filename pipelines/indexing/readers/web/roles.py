"""Elements that a page says are others: tables made of blocks, by their roles."""

from __future__ import annotations

from typing import Any

_TAGS = {
    "table": "table", "grid": "table", "treegrid": "table", "rowgroup": "tbody", "row": "tr",
    "cell": "td", "gridcell": "td", "columnheader": "th", "rowheader": "th", "list": "ul",
    "listitem": "li",
}  # fmt: skip
_PLAIN = {"div", "span", "section"}


def give_tags(tree: Any) -> None:
    """Turn blocks with the role of a table, a list, or a part of one into it."""
    for element in tree.iter(*_PLAIN):
        role = element.get("role")
        if role == "heading" and element.get("aria-level", "") in set("123456"):
            element.tag = f"h{element.get('aria-level')}"
        elif role in _TAGS:
            element.tag = _TAGS[role]
