"""What is printed on the pages of a PDF as their numbers: i, ii, iii, and then 1, 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.text.clean import clean

# A longer label is none.
LONGEST = 30


def label_of(document: Any, number: int) -> str | None:
    """The label of a page (from 1), or None if it has none but its number."""
    label = " ".join(clean(document.get_page_label(number - 1)).text.split())
    return label if label != str(number) and 0 < len(label) <= LONGEST else None


def labels_of(document: Any) -> Iterator[tuple[int, str]]:
    """The numbers of those pages that have a label, with it."""
    for number in range(1, len(document) + 1):
        if (label := label_of(document, number)) is not None:
            yield number, label
