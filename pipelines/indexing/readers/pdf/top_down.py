"""Lines of a PDF that were drawn in another order than they stand: read from the top down."""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median

from pipelines.indexing.readers.pdf.places import Box, Places, joined

# Lines below each other differ by at least this share of their height.
LEAST_STEP = 0.6
# Lines above and below the text of a page, which programs draw before or after it.
MOST_EDGES = 3
# Lines that may stand beside the next one: a number of the page, a date at the edge.
MOST_BESIDE = 2


_LINE = re.compile(r"\S[^\r\n]*")


def in_order(text: str, places: Places) -> str:
    """
    The text of a page whose lines all stand below each other, from the top down.

    Where any two lines stand beside each other, the order of drawing stays: there are columns.

    :param places: Where the characters of the text stand.
    """
    starts = [places.box(found.start()) for found in _LINE.finditer(text)]
    boxes = [box for box in starts if box is not None]
    if len(boxes) < len(starts) or _is_in_order(boxes):
        return text
    lines = [
        (found.start(), found.group()) for found in re.finditer(r"[^\r\n]*[^\s][^\r\n]*", text)
    ]
    least = LEAST_STEP * median(box[3] - box[1] for box in boxes)
    order = sorted(range(len(lines)), key=lambda number: -boxes[number][1])
    if any(boxes[a][1] - boxes[b][1] < least for a, b in pairwise(order)):
        return text
    whole = [
        _whole(start, line, box, places) for (start, line), box in zip(lines, boxes, strict=True)
    ]
    beside = sum(whole[a][0] > whole[b][2] or whole[b][0] > whole[a][2] for a, b in pairwise(order))
    return text if beside > MOST_BESIDE else "\r\n".join(lines[number][1] for number in order)


def _is_in_order(boxes: list[Box]) -> bool:
    """Whether lines go down the page, whenever those above and below the text were drawn."""
    goes_up = [number for number, (a, b) in enumerate(pairwise(boxes)) if a[1] < b[1]]
    last = len(boxes) - 1 - MOST_EDGES
    return not goes_up or (
        len(boxes) > 2 * MOST_EDGES
        and all(number < MOST_EDGES or number >= last for number in goes_up)
    )


def _whole(start: int, line: str, first: Box, places: Places) -> Box:
    last = places.box(start + len(line.rstrip()) - 1)
    return joined(first, last) if last is not None else first
