"""Escapes text so that neither a browser nor Gradio's Markdown can read markup in it."""

from __future__ import annotations


def escape(text: str) -> str:
    """Escape text for HTML, also for an attribute."""
    return text.translate(_ENTITIES)


class _Entities(dict[int, str]):
    """A table for `str.translate`: letters, digits and blanks stay, all else becomes an entity."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        if sign.isalnum() or sign == " ":
            entity = sign
        elif code in (0x202D, 0x202E):  # they turn the letters of a line round
            entity = ""
        else:
            entity = f"&#{code};"
        self[code] = entity
        return entity


_ENTITIES = _Entities()
