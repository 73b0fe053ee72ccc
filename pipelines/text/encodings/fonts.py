"""Letters of an RTF file in the encoding of the font that they are set in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Encodings by the number that a font has for its letters.
_BY_CHARSET = {
    "128": "cp932", "129": "cp949", "134": "cp936", "136": "cp950", "161": "cp1253",
    "162": "cp1254", "163": "cp1258", "177": "cp1255", "178": "cp1256", "186": "cp1257",
    "204": "cp1251", "222": "cp874", "238": "cp1250",
}  # fmt: skip
_FONT = re.compile(r"\{\\f(\d+)[^{}]*?\\fcharset(\d+)")
_DEFAULT = re.compile(r"\\deff(\d+)")
_PAGE = re.compile(r"\\ansicpg(\d+)")
# An escaped character with what stands for it in old programs is read without the font.
_TOKEN = re.compile(
    r"\\u-?\d+ ?(?:\\'[0-9a-fA-F]{2})+|(?P<bytes>(?:\\'[0-9a-fA-F]{2})+)|\\f(?P<font>\d+)(?!\d)"
    r"|(?P<plain>\\plain(?![a-z]))|(?P<open>\{)|(?P<close>\})|\\[\\{}]"
)


def with_letters(source: str) -> str:
    """The source with letters of fonts of other encodings than its own as numbers of Unicode."""
    page = _PAGE.search(source)
    own = f"cp{page.group(1)}" if page is not None else "cp1252"
    fonts = {font: _BY_CHARSET.get(kind, own) for font, kind in _FONT.findall(source)}
    if set(fonts.values()) <= {own}:
        return source
    return "".join(_parts(source, fonts, own))


def _parts(source: str, fonts: dict[str, str], own: str) -> Iterator[str]:
    default = _DEFAULT.search(source)
    first = fonts.get(default.group(1) if default is not None else "0", own)
    around, encoding, place = [], first, 0
    for found in _TOKEN.finditer(source):
        if found["open"]:
            around.append(encoding)
        elif found["close"]:
            encoding = around.pop() if around else first
        elif found["plain"]:
            encoding = first
        elif found["font"]:
            encoding = fonts.get(found["font"], own)
        elif found["bytes"] and encoding != own:
            letters = bytes.fromhex(found["bytes"].replace("\\'", "")).decode(encoding, "replace")
            yield source[place : found.start()]
            yield "".join(f"{{\\uc1\\u{ord(one)}?}}" for one in letters)
            place = found.end()
    yield source[place:]
