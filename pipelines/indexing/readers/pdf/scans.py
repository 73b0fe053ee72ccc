"""Pages of a PDF without a usable text layer: OCR reads them, or a note says which they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Any

from pipelines.indexing.converted import counted
from pipelines.indexing.readers.ocr.engine import (
    MOST_PIXELS,
    Allowance,
    engine_name,
)
from pipelines.text.clean import language

# Pages that a note names.
MOST_NAMED = 20
# Dots an inch at which pages are read, and points an inch of a PDF.
DOTS = 300
POINTS = 72
# Characters of a stamp of the scanner, how near to an edge of the page it stands, and the share of
# the page that a scan takes.
LONGEST_STAMP = 150
EDGE = 0.12
LEAST_SHOWN = 0.5


def is_scan(page: Any, whole: Any, text: str) -> bool:
    """
    Whether a page shows something, and no text, or only a stamp of the scanner at its edge.

    :param whole: PDFium's text page of it.
    """
    if not text.strip():
        return next(page.get_objects(max_depth=1), None) is not None
    if len(text) > LONGEST_STAMP:
        return False
    width, height = page.get_size()
    for number in range(whole.count_rects()):
        _, bottom, _, top = whole.get_rect(number)
        if top > height * EDGE and bottom < height * (1 - EDGE):
            return False
    return any(_area(shape) > LEAST_SHOWN * width * height for shape in _pictures(page))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _pictures(page: Any) -> Iterator[Any]:
    import pypdfium2.raw as pdfium

    return iter(page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,), max_depth=2))


def _area(shape: Any) -> float:
    left, bottom, right, top = shape.get_bounds()
    return float((right - left) * (top - bottom))


class Scans:
    """
    Reads the pages of one document that need it, and says what came of them.

    :param count: How many pages the document has.
    :param bare: The numbers of the pages without a text layer, from 1.
    :param garbled: The numbers of the pages whose text layer is not what they show.
    """

    def __init__(self, count: int, bare: Sequence[int], garbled: Sequence[int]) -> None:
        self._count = count
        self._bare, self._garbled = list(bare), list(garbled)
        self._read: dict[int, int] = {}
        self._empty: list[int] = []
        self._waiting: list[int] = []

    def recognised(
        self, document: Any, data: bytes, texts: Sequence[str], ocr: Allowance
    ) -> list[str]:
        """
        The texts of all pages, with those that OCR can read.

        :param data: The document's bytes. Their hash identifies its pages.
        """
        found = list(texts)
        wanted = sorted({*self._bare, *self._garbled})
        if not wanted or engine_name() is None:
            return found
        spoken = language(" ".join(text for n, text in enumerate(texts, 1) if n not in wanted))
        file = sha256(data).hexdigest()
        for done, number in enumerate(wanted):
            left = ocr.pages_left
            result = ocr.recognise(
                partial(_drawn, document, number, partial(ocr.on_page, done, len(wanted))),
                f"{file} {number}",
                [spoken] if spoken else [],
            )
            if result is None:
                if ocr.pages_left > left:
                    self._waiting.append(number)
                continue
            if not result.is_text:
                self._empty.append(number)
                continue
            self._read[number] = result.sure
            # What was typed onto a scanned page stays.
            typed = found[number - 1].strip() if number in self._bare else ""
            typed = "" if _flat(typed) in _flat(result.text) else typed
            parts = [f"{result.mark}\n{result.text}", *([typed] if typed else [])]
            found[number - 1] = "\n\n".join(parts)
        return found

    def notes(self) -> list[str]:
        """A line for each way in which pages were read, or not."""
        told = []
        if self._read:
            sure = round(sum(self._read.values()) / len(self._read))
            told.append(self._told(list(self._read), "read by OCR", f"{sure}% sure"))
        if self._waiting:
            told.append(self._told(self._waiting, "still to be read by OCR"))
        done = {*self._read, *self._empty, *self._waiting}
        empty = [number for number in self._empty if number in self._bare]
        if empty:
            have = "has" if len(empty) == 1 else "have"
            told.append(self._told(empty, f"{have} no text layer, and OCR found no text"))
        bare = [number for number in self._bare if number not in done]
        if bare:
            have = "has no text layer and was" if len(bare) == 1 else "have no text layer and were"
            told.append(self._told(bare, f"{have} not read"))
        garbled = [
            number for number in self._garbled if number not in {*self._read, *self._waiting}
        ]
        if garbled:
            have = "has" if len(garbled) == 1 else "have"
            told.append(self._told(garbled, f"{have} a garbled text layer"))
        return told

    def _told(self, numbers: Sequence[int], what: str, more: str = "") -> str:
        named = ", ".join(map(str, numbers[:MOST_NAMED]))
        named += " ..." if len(numbers) > MOST_NAMED else ""
        of = f"{len(numbers)} of {counted(self._count, 'page')} {what}"
        return f"{of} ({more}): {named}" if more else f"{of}: {named}"


def _drawn(document: Any, number: int, tell: Callable[[], None]) -> Any:
    """A page as a picture, fine enough for OCR. Only those that are not known are drawn, and told."""
    tell()
    page = document[number - 1]
    width, height = page.get_size()
    scale = min(DOTS / POINTS, (MOST_PIXELS / max(1.0, width * height)) ** 0.5)
    picture = page.render(scale=scale, grayscale=True).to_pil()
    page.close()
    return picture
