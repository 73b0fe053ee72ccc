"""Characters of the fonts that draw signs in place of letters, and equations in one line. Pure."""

from __future__ import annotations

from typing import Any

_SYMBOL = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "αβχδεφγηιϕκλμνοπθρστυϖωξψζΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ",
        strict=True,
    )
) | {chr(code): sign for code, sign in {
    0x2D: "−", 0x40: "≅", 0x5C: "∴", 0x5E: "⊥", 0xA2: "′", 0xA3: "≤", 0xA5: "∞", 0xAB: "↔",
    0xAC: "←", 0xAD: "↑", 0xAE: "→", 0xAF: "↓", 0xB0: "°", 0xB1: "±", 0xB2: "″", 0xB3: "≥",
    0xB4: "×", 0xB5: "∝", 0xB6: "∂", 0xB7: "•", 0xB8: "÷", 0xB9: "≠", 0xBA: "≡", 0xBB: "≈",
    0xBC: "…", 0xC5: "⊕", 0xC6: "∅", 0xC7: "∩", 0xC8: "∪", 0xCC: "⊂", 0xCE: "∈", 0xD0: "∠",
    0xD6: "√", 0xD7: "⋅", 0xD9: "∧", 0xDA: "∨", 0xDB: "⇔", 0xDC: "⇐", 0xDE: "⇒", 0xE5: "∑",
    0xF2: "∫", 0xD2: "®", 0xD3: "©", 0xD4: "™",
}.items()}  # fmt: skip
_WINGDINGS = {chr(code): sign for code, sign in {
    0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x71: "❑",
    0x76: "❖", 0x77: "◆", 0x9F: "•", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←", 0xE0: "→",
    0xE1: "↑", 0xE2: "↓", 0xE8: "➔", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}.items()}  # fmt: skip
_WINGDINGS_2 = {chr(code): sign for code, sign in {
    0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0xA3: "☐",
}.items()}  # fmt: skip
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}


def symbol(code: str, font: str) -> str:
    """The sign that a font draws for a character code in hexadecimal digits."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    letter = chr(number - 0xF000) if 0xF000 <= number <= 0xF0FF else chr(number)
    return _FONTS.get(font.lower(), {}).get(letter, letter)


def in_font(text: str, font: str) -> str:
    """A text in which letters of the private area of a sign font are the signs it draws."""
    signs = _FONTS.get(font.lower())
    if signs is None or not any(0xF000 <= ord(c) <= 0xF0FF for c in text):
        return text
    return "".join(symbol(f"{ord(c):x}", font) if 0xF000 <= ord(c) <= 0xF0FF else c for c in text)


def equation(element: Any, depth: int = 0) -> str:
    """An Office equation as it would be typed: (a+b)/2, x^2, √(y)."""
    if depth > 50:
        return "".join(element.itertext())
    name = str(element.tag).rpartition("}")[2]

    def part(kind: str) -> str:
        return "".join(equation(found, depth + 1) for found in element.iterchildren("{*}" + kind))

    def bracketed(text: str) -> str:
        return text if len(text) < 2 or text.isalnum() else f"({text})"

    if name == "f":
        return f"{bracketed(part('num'))}/{bracketed(part('den'))}"
    if name in ("sSup", "sSub", "sSubSup", "nary"):
        sub, sup = part("sub"), part("sup")
        raised = (f"_{bracketed(sub)}" if sub else "") + (f"^{bracketed(sup)}" if sup else "")
        if name == "nary":
            sign = next((c.get(next(iter(c.keys()), "")) for c in element.iter("{*}chr")), "∫")
            return f"{sign}{raised} {part('e')}"
        return f"{part('e')}{raised}"
    if name == "rad":
        sign = {"3": "∛", "4": "∜"}.get(degree := part("deg"), f"{degree}√")
        return f"{sign}({part('e')})"
    if name == "d":
        return _fenced(element, depth)
    if name in ("eqArr", "mr"):
        parts = [equation(found, depth + 1) for found in element.iterchildren("{*}e")]
        return ("; " if name == "eqArr" else ", ").join(parts)
    if rows := list(element.iterchildren("{*}mr")):
        return f"[{'; '.join(equation(row, depth + 1) for row in rows)}]"
    if name == "t":
        return element.text or ""
    if name.endswith("Pr"):
        return ""
    return "".join(equation(child, depth + 1) for child in element)


def _fenced(element: Any, depth: int) -> str:
    """What stands in brackets or between bars."""
    sign = {
        str(one.tag).rpartition("}")[2]: next(iter(one.values()), "")
        for one in element.iterfind("{*}dPr/*")
    }
    parts = (equation(found, depth + 1) for found in element.iterchildren("{*}e"))
    inner = sign.get("sepChr", "|").join(parts)
    return f"{sign.get('begChr', '(')}{inner}{sign.get('endChr', ')')}"
