"""Pictures inside of documents: OCR reads those that hold text, and the others are counted."""

from __future__ import annotations

import io
from hashlib import sha256

from pipelines.indexing.converted import counted
from pipelines.indexing.readers.ocr.engine import MOST_PIXELS, Allowance, engine_name

# Smaller pictures are icons and lines.
LEAST_WIDTH, LEAST_HEIGHT = 60, 20
# A larger picture is not even opened.
MOST_OPENED = 10 * MOST_PIXELS


class InnerPictures:
    """Reads the pictures of one document, each only once however often it stands there."""

    def __init__(self, ocr: Allowance) -> None:
        self._ocr = ocr
        self._known: dict[str, str | None] = {}
        self._sure: list[int] = []
        self._unread = self._empty = 0

    def text(self, data: bytes, *, is_described: bool = False) -> str:
        """
        What OCR reads in a picture, after the line that says so.

        :param is_described: The document says what it shows, so that nothing is lost without OCR.
        :returns: Nothing if there is no text in it, or nothing here that reads it.
        """
        key = sha256(data).hexdigest()
        if self._known.get(key):
            return ""
        if key not in self._known:
            self._known[key] = self._recognised(data, key)
        found = self._known[key]
        if found is None:
            self._unread += not is_described
        elif not found:
            self._empty += not is_described
        return found or ""

    def _recognised(self, data: bytes, key: str) -> str | None:
        """The text of a picture, an empty one where it has none, or None if it cannot be read."""
        from PIL import Image, ImageOps

        if engine_name() is None or not data:
            return None
        try:
            with Image.open(io.BytesIO(data)) as picture:
                if picture.width * picture.height > MOST_OPENED:
                    return None
                if picture.width < LEAST_WIDTH or picture.height < LEAST_HEIGHT:
                    return ""
                found = self._ocr.recognise(lambda: ImageOps.exif_transpose(picture.copy()), key)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            return None  # a drawing of another kind, or a damaged one
        if found is None:
            return None
        if not found.is_text:
            return ""
        self._sure.append(found.sure)
        return f"{found.mark}\n{found.text}"

    def notes(self) -> list[str]:
        """A line for each way in which pictures were read, or not."""
        told = []
        if self._sure:
            sure = round(sum(self._sure) / len(self._sure))
            told.append(f"{counted(len(self._sure), 'picture')} read by OCR ({sure}% sure)")
        if self._empty:
            told.append(f"{counted(self._empty, 'picture')} without text that OCR can read")
        if self._unread:
            told.append(f"{counted(self._unread, 'picture')} not read")
        return told
