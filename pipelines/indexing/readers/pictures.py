"""Pictures as documents: what OCR reads in them, each frame of a TIFF as a page."""

from __future__ import annotations

import io
from hashlib import sha256

from pipelines.errors import InputError
from pipelines.indexing.converted import Block, Converted, assemble, counted
from pipelines.indexing.readers.members import Members
from pipelines.indexing.readers.ocr.engine import (
    HOW_TO_INSTALL,
    MOST_PIXELS,
    engine_name,
)

MOST_FRAMES = 500
# A larger picture is not even opened.
MOST_OPENED = 10 * MOST_PIXELS
TOO_LARGE = f"it has more pixels than {MOST_OPENED // 1_000_000} million, the limit"


def read(data: bytes, mime: str, members: Members) -> Converted:
    """
    The text in a picture.

    :raises InputError: There is none, or nothing here that reads it.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    engine = engine_name()
    if engine is None:
        raise InputError(
            f"it is a picture, and there is no text recognition (OCR): {HOW_TO_INSTALL}"
        )
    blocks: list[Block] = []
    left = 0
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > MOST_OPENED:
                raise InputError(TOO_LARGE)
            frames = min(MOST_FRAMES, getattr(picture, "n_frames", 1))
            file = sha256(data).hexdigest()
            for number in range(frames):
                picture.seek(number)
                found = members.ocr.recognise(
                    lambda: ImageOps.exif_transpose(picture.copy()), f"{file} {number + 1}"
                )
                left += found is None
                if found is not None and found.is_text:
                    blocks.append(Block(f"{found.mark}\n{found.text}", page=number + 1))
    except Image.DecompressionBombError:
        raise InputError(TOO_LARGE) from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise InputError(f"the file is damaged: it is no complete picture ({error})") from error
    why = "still to be read by OCR" if members.ocr.pages_left else "not read: OCR takes too long"
    notes = [f"{left} of {counted(frames, 'page')} {why}"] if left else []
    if not blocks and not left:
        raise InputError("no text was found in the picture by OCR")
    return assemble(blocks, mime, notes=notes)
