"""Arabic and Hebrew words of a PDF whose letters come in the order in which they were drawn."""

from __future__ import annotations

import re

from pipelines.indexing.readers.pdf.places import Places

_WORD = re.compile(
    "[\u05d0-\u05ea\u05f0-\u05f4\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f"
    "\ufb1d-\ufdff\ufe70-\ufefc]{2,}"
)


def turned_back(text: str, places: Places) -> str:
    """
    The text of a page with each word that runs from left to right on it turned round.

    PDFium turns such words itself, but for those that a program wrote letter by letter as shown.

    :param places: Where the characters of the text stand.
    """
    if not _WORD.search(text):
        return text

    def turned(found: re.Match[str]) -> str:
        first, last = places.middle(found.start()), places.middle(found.end() - 1)
        is_reversed = first is not None and last is not None and first[0] < last[0]
        return found.group()[::-1] if is_reversed else found.group()

    return _WORD.sub(turned, text)
