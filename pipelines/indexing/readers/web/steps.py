"""What stands before the items of lists on a page: numbers, letters and dashes. Pure."""

from __future__ import annotations

from typing import Any

from pipelines.indexing.readers.counting import written

_KINDS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}


class Steps:
    """Counts the items of the lists of a page in the order they come."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def mark(self, item: Any) -> str:
        """The number of a step, or a dash."""
        above = item.getparent()
        if above is None or above.tag != "ol":
            return "-"
        try:
            down = above.get("reversed") is not None
            first = int(above.get("start") or (len(above.findall("li")) if down else 1))
            number = int(item.get("value") or self._numbers.get(above, first))
        except ValueError:
            number, down = self._numbers.get(above, 1), False
        self._numbers[above] = number - 1 if down else number + 1
        return f"{written(number, _KINDS.get(above.get('type') or '', 'decimal'))}."
