"""Formulas of web pages (MathML) in one line: (a+b)/2, x^2, √(y). Pure."""

from __future__ import annotations

from typing import Any

DEEPEST = 50


def formula(element: Any, depth: int = 0) -> str:
    """A formula as it would be typed."""
    name = str(element.tag).rpartition("}")[2].rpartition(":")[2]
    if name in ("annotation", "annotation-xml"):
        return ""
    if depth > DEEPEST:
        return "".join(element.itertext())
    parts = [formula(child, depth + 1) for child in element if isinstance(child.tag, str)]
    if name == "mfrac" and len(parts) == 2:
        return f"{_bracketed(parts[0])}/{_bracketed(parts[1])}"
    if name in ("msup", "mover") and len(parts) == 2:
        return f"{parts[0]}^{_bracketed(parts[1])}"
    if name in ("msub", "munder") and len(parts) == 2:
        return f"{parts[0]}_{_bracketed(parts[1])}"
    if name in ("msubsup", "munderover") and len(parts) == 3:
        return f"{parts[0]}_{_bracketed(parts[1])}^{_bracketed(parts[2])}"
    if name == "msqrt":
        return f"√({''.join(parts)})"
    if name == "mroot" and len(parts) == 2:
        return f"{parts[1]}√({parts[0]})"
    if name in ("mtd", "mtr"):
        return f"{''.join(parts)} "
    return " ".join((element.text or "").split()) + "".join(parts)


def _bracketed(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"
