"""Rectangles around words: the boxes of their characters, joined line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

# Left, top, right and bottom as shares of the page's width and height, from its upper left corner.
Box = tuple[float, float, float, float]

MOST_BOXES = 400
# Boxes share a line if they overlap by this share of the lower one's height.
OVERLAP = 0.5
# A gap wider than this many heights parts two boxes of a line: another column begins.
GAP = 2.5
# What is smaller in both directions cannot be seen.
LEAST = 1e-4


def lines(characters: Iterable[Box], *, aspect: float = 1.0) -> list[Box]:
    """
    One box for each line of characters.

    :param characters: Boxes of characters in reading order.
    :param aspect: Width of the page divided by its height.
    """
    seen = [box for box in map(_on_page, characters) if not _is_nothing(box)]
    if _runs_down(seen, aspect):
        return [_turned(box) for box in _joined([_turned(box) for box in seen], 1 / aspect)]
    return _joined(seen, aspect)


def _is_nothing(box: Box) -> bool:
    return box[2] - box[0] < LEAST and box[3] - box[1] < LEAST


def _runs_down(boxes: list[Box], aspect: float) -> bool:
    """Whether most characters stand below or above the one before, as on a page that was turned."""
    steps = [
        abs(b[1] + b[3] - a[1] - a[3]) - abs(b[0] + b[2] - a[0] - a[2]) * aspect
        for a, b in pairwise(boxes)
    ]
    return sum(step > 0 for step in steps) > len(steps) / 2


def _turned(box: Box) -> Box:
    return box[1], box[0], box[3], box[2]


def _joined(boxes: list[Box], aspect: float) -> list[Box]:
    joined: list[Box] = []
    for box in boxes:
        if joined and _shares_line(joined[-1], box, aspect):
            joined[-1] = _around(joined[-1], box)
        elif len(joined) < MOST_BOXES:
            joined.append(box)
    return joined


def _on_page(box: Box) -> Box:
    left, top, right, bottom = (min(max(value, 0.0), 1.0) for value in box)
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _shares_line(line: Box, box: Box, aspect: float) -> bool:
    height = min(line[3] - line[1], box[3] - box[1])
    overlap = min(line[3], box[3]) - max(line[1], box[1])
    gap = max(box[0] - line[2], line[0] - box[2]) * aspect
    return overlap >= OVERLAP * height and gap <= GAP * max(line[3] - line[1], box[3] - box[1])


def _around(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]), min(one[1], other[1]),
        max(one[2], other[2]), max(one[3], other[3]),
    )  # fmt: skip
