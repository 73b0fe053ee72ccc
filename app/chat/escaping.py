"""Text as HTML in which nothing can be read as markup, neither by a browser nor by Gradio's Markdown."""

from __future__ import annotations


def escape(text: str) -> str:
    """Text for HTML, also in an attribute: nothing in it can be read as markup of any kind."""
    return text.translate(_ENTITIES)


class _Entities(dict[int, str]):
    """For `str.translate`: letters, digits and the blank stay, all else becomes an entity."""

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
