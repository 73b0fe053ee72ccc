"""Where words stand in a picture of a page, by text recognition. For the limited child only."""

from __future__ import annotations

import csv
import io
import subprocess
from typing import Any

from pipelines.errors import InputError
from pipelines.indexing.pages.boxes import Box
from pipelines.indexing.readers.ocr.engine import LEAST_SURE, engine_name, table_of

# Reading one page may take so long. The child's own limit is a little more.
MOST_S = 40
NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)


def words_of(picture: Any) -> tuple[str, list[Box]]:
    """
    The text of a picture, and for each of its characters the box of the word that it is in.

    :raises InputError: There is no recognition here, or it takes too long.
    """
    if engine_name() != "tesseract":
        raise InputError("there is no text recognition that says where words stand")
    try:
        table = table_of(picture, (), MOST_S)
    except subprocess.TimeoutExpired:
        raise InputError(f"recognising its text took longer than {MOST_S} s") from None
    return of_table(table, *picture.size)


def of_table(table: str, width: int, height: int) -> tuple[str, list[Box]]:
    """The words of tesseract's table with their boxes, one space between them."""
    parts: list[str] = []
    placed: list[Box] = []
    for word in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (word.get("text") or "").strip()
        try:
            sure, left, top, across, down = (
                float(word.get(name) or -1) for name in ("conf", "left", "top", "width", "height")
            )
        except ValueError:
            continue
        if not text or sure < LEAST_SURE:
            continue
        box = left / width, top / height, (left + across) / width, (top + down) / height
        parts.append(text)
        placed += [box] * len(text) + [NOWHERE]
    return " ".join(parts), placed[:-1]
