"""Numbers as lists and powers write them: 3, iii, c, 3rd, ³. Pure."""

from __future__ import annotations

import re

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_RAISED = str.maketrans("0123456789+-−()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿ")
_SHORT_POWER = re.compile(r"[+\-−]?[0-9n]{1,4}")

# "Page 3 of 12", "- 4 -", "Seite 1/9": words beside the numbers of pages.
_OF_PAGES = re.compile(
    r"(?:(?:page|pages|p|pp|pg|seite|seiten|s|blatt|pagina|página|pág|sida|side|sivu|strana|str|bl"
    r"|of|von|de|sur|di|av|af|из|стр|страница|页|頁|第|共|ページ)(?![^\W\d_])|[\W\d_])*",
    re.IGNORECASE,
)
_LONGEST_COUNT = 60


def counts_pages(text: str) -> bool:
    """Whether a line above or below the text of each page does nothing but count pages."""
    return len(text) <= _LONGEST_COUNT and _OF_PAGES.fullmatch(text) is not None


def written(number: int, kind: str) -> str:
    """
    A number in a way of writing it.

    :param kind: As Word names it: decimal, lowerRoman, upperLetter and so on.
    """
    if kind in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        text = ""
        for value, letters in _ROMAN:
            text += letters * (number // value)
            number %= value
        return text.upper() if kind == "upperRoman" else text
    if kind in ("lowerLetter", "upperLetter") and number > 0:
        times, place = divmod(number - 1, 26)
        text = chr(ord("a") + place) * (min(times, 20) + 1)
        return text.upper() if kind == "upperLetter" else text
    if kind == "ordinal":
        ending = "th" if number % 100 in (11, 12, 13) else _ENDINGS.get(number % 10, "th")
        return f"{number}{ending}"
    if kind == "decimalZero":
        return f"{number:02}"
    return str(number)


def power(text: str) -> str:
    """A raised text. A power stays one: 10⁶ is not 106."""
    is_power = _SHORT_POWER.fullmatch(text) is not None
    return text.translate(_RAISED) if is_power else text
