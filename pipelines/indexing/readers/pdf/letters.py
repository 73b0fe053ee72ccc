"""Letters of a PDF as a person sees them: raised figures, and words whose letters stand apart."""

from __future__ import annotations

import re
from array import array
from itertools import pairwise
from statistics import median
from typing import Any

from pipelines.indexing.readers.counting import power
from pipelines.indexing.readers.pdf.calls import call, places_in, pointer_to
from pipelines.indexing.readers.pdf.places import Places

# A raised character is smaller than this share of the one before it, and stands so much higher.
SMALLER, HIGHER = 0.85, 0.12
# Candidates of a page that are looked at.
MOST = 400
# Gaps between the letters of a word are narrower than this share of their height, and a blank between
# two words adds so much.
NARROW, BLANK = 1.0, 0.3

# Figures right after a word, a bracket, a stop or a minus, and numbers that may end in raised ones.
# Each begins with a figure and looks back from there, which is much faster.
_FIGURES = re.compile(
    r"[0-9](?:(?<=[^\W_][-−][0-9])[0-9]?|(?<=[^\W\d_][0-9])[0-9]{0,2}|(?<=[)\]”’\"'%][0-9])[0-9]{0,2}"
    r"|(?<=[^\W\d_)][.,;:][0-9])[0-9]{0,2}|(?<![0-9.,][0-9])[0-9]{1,6}|(?<=[.,][0-9])[0-9]{3,4})"
    r"(?!\w|[.,][0-9])"
)
# A quick look, and the whole word.
_MAYBE_APART = re.compile(r" [^\W\d_] [^\W\d_] [^\W\d_](?!\w)")
_APART = re.compile(r"(?<!\S)[^\W\d_](?: [^\W\d_]){3,}(?=[:.,;!?]?(?!\S))")
# Between letters it is invisible, and goes when a text is cleaned.
_JOINER = "\u2060"


def as_shown(text: str, page: Any, places: Places) -> str:
    """
    The text of a page with raised figures as powers, and with the letters of each word together.

    It has as many characters as before.

    :param page: PDFium's text page, whose characters are those of the text.
    :param places: Where they stand.
    """
    return _closed(_raised(text, page), page, places)


def _raised(text: str, page: Any) -> str:
    """The text in which 10⁶ is not 106, and a mark of a note is no part of a year."""
    heights = _Heights(page)
    parts: list[str] = []
    place = 0
    for count, found in enumerate(_FIGURES.finditer(text)):
        if count == MOST:
            break
        first, end = found.span()
        base = _base(text, first)
        if not heights.is_raised(end - 1, base):
            continue
        start = next(n for n in range(base + 1, end) if heights.is_raised(n, base))
        parts += [text[place:start], power(text[start:end])]
        place = end
    return "".join([*parts, text[place:]]) if parts else text


def _base(text: str, first: int) -> int:
    """What figures would be raised above: the sign before them, or the first of them."""
    before = text[first - 1] if first else " "
    if before in "-−":
        return first - 2
    is_apart = before.isspace() or (before in ".," and text[first - 2 : first - 1].isdecimal())
    return first if is_apart or before in "($€£¥/" else first - 1


class _Heights:
    """How high the characters of a page are, and where they stand, by their font."""

    def __init__(self, page: Any) -> None:
        self._page = pointer_to(page.raw)
        self._of = page  # which must outlive its address
        self._edges = array("f", [0.0] * 4)
        self._at = places_in(self._edges)[0]
        self._get = call("FPDFText_GetLooseCharBox")

    def is_raised(self, character: int, base: int) -> bool:
        """Whether a character is smaller than another one and stands higher."""
        if not self._get(self._page, base, self._at):
            return False
        _, top, _, bottom = self._edges
        height = top - bottom
        if not self._get(self._page, character, self._at):
            return False
        _, above, _, below = self._edges
        return above - below < SMALLER * height and below - bottom > HIGHER * height


def _closed(text: str, page: Any, places: Places) -> str:
    """The text in which W A R N I N G is one word, if its gaps were made by the place of the letters."""
    import pypdfium2.raw as pdfium

    if _MAYBE_APART.search(text) is None:
        return text
    for found in list(_APART.finditer(text)):
        letters = range(found.start(), found.end(), 2)
        boxes = [places.box(n) for n in letters]
        if not all(pdfium.FPDFText_IsGenerated(page.raw, n + 1) for n in letters[:-1]):
            continue
        if any(box is None for box in boxes) or _is_alphabet(text[found.start() : found.end() : 2]):
            continue
        known = [box for box in boxes if box is not None]
        height = max(box[3] - box[1] for box in known)
        gaps = [b[0] - a[2] for a, b in pairwise(known)]
        usual = median(gaps)
        if not 0 < usual < NARROW * height:
            continue
        signs = [_JOINER if gap < usual + BLANK * height else " " for gap in gaps]
        word = "".join(a + b for a, b in zip(text[found.start() :: 2], signs, strict=False))
        text = f"{text[: found.start()]}{word}{text[found.end() - 1 :]}"
    return text


def _is_alphabet(letters: str) -> bool:
    """Whether letters follow each other as names of columns do: A B C D."""
    return all(ord(b) - ord(a) == 1 for a, b in pairwise(letters))
