"""What is asked of a page and answered: plain values that cross to the child and back as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pipelines.indexing.pages.boxes import MOST_BOXES, Box


@dataclass(frozen=True)
class Quote:
    """A passage, with the characters of it that are looked for, or None for all of it."""

    text: str
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Sheet:
    """
    A page as it is shown.

    :param number: Its number, from 1, of `pages`.
    :param width: In points.
    :param height: In points.
    :param text: Its text, for those who cannot see it.
    :param boxes: Around the words that were looked for, one for each line.
    :param is_picture: The page has no text, but something is drawn on it: a scan.
    :param label: What is printed on the page, if that differs from its number.
    """

    number: int
    pages: int
    width: float
    height: float
    text: str
    boxes: list[Box]
    is_picture: bool = False
    label: str | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Sheet:
        """
        A sheet from its fields. They come from a child that a file may have taken over.

        :raises ValueError: A field is missing or of another kind.
        """
        try:
            numbers = int(value["number"]), int(value["pages"])
            width, height = float(value["width"]), float(value["height"])
            boxes = boxes_of(value["boxes"])
            is_picture = bool(value["is_picture"])
            text = _text(value["text"])
            label = _text(value["label"]) if value["label"] else None
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError("the answer about a page cannot be read") from error
        if not (math.isfinite(width) and math.isfinite(height)):
            raise ValueError("the answer about a page has no size")
        return cls(*numbers, width, height, text, boxes, is_picture, label)


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()


def boxes_of(value: Any) -> list[Box]:
    """
    Boxes as a child sent them.

    :raises ValueError: They are none.
    """
    try:
        return [_box(box) for box in value[:MOST_BOXES]]
    except (TypeError, OverflowError, KeyError) as error:
        raise ValueError("the boxes on a page cannot be read") from error


def _box(value: Any) -> Box:
    left, top, right, bottom = (min(max(float(part), 0.0), 1.0) for part in value)
    return left, top, right, bottom
