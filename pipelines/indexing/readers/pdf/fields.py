"""What was filled into the form of a PDF, put beside the labels of its fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.indexing.readers.pdf.places import Places

MOST_FIELDS = 2000
# A label above its field is no further away than this many points.
NEAR = 16.0
# No character stands here.
NOWHERE = (-1.0, -1.0)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass
class Field:
    """
    A field of a form, by its edges.

    :param mark: A box to tick shows this in place of text.
    """

    left: float
    bottom: float
    right: float
    top: float
    mark: str = ""
    text: list[str] = field(default_factory=list)


def fields_of(page: Any, form: Any) -> list[Field]:
    """The fields of a page before it is flattened."""
    import pypdfium2.raw as pdfium

    found: list[Field] = []
    edges = pdfium.FS_RECTF()
    for place in range(min(MOST_FIELDS, pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, place)
        if not annotation:
            continue
        is_field = pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_WIDGET
        if is_field and pdfium.FPDFAnnot_GetRect(annotation, edges):
            kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
            mark = ""
            if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
                mark = "☒" if pdfium.FPDFAnnot_IsChecked(form, annotation) else "☐"
            found.append(Field(edges.left, edges.bottom, edges.right, edges.top, mark))
        pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def in_place(text: str, places: Places, fields: list[Field]) -> str:
    """
    The text of a page, in which what is in each field follows its label.

    :param places: Where the characters of the text stand.
    """
    x, y = _middles(text, places)
    homes = _homes(x, y, fields)
    rest = np.flatnonzero(homes < 0)
    for number in np.flatnonzero(homes >= 0).tolist():
        inside = fields[homes[number]].text
        if inside and number and text[number - 1].isspace():
            inside.append(" ")
        inside.append(text[number])
    signs = [text[number] for number in rest.tolist()]
    after: dict[int, list[str]] = {}
    before: dict[int, list[str]] = {}
    for one in fields:
        value = one.mark or "".join(one.text).strip()
        if value and one.mark and (start := _label_start(one, x[rest], y[rest])) >= 0:
            before.setdefault(start, []).append(value)
        elif value:
            after.setdefault(_label_end(one, signs, x[rest], y[rest]), []).append(value)
    parts = [f"{value}\n" for value in after.pop(-1, [])]
    for number, sign in enumerate(signs):
        parts += [f"{value} " for value in before.get(number, [])]
        parts.append(sign)
        parts += [f" {value}" for value in after.get(number, [])]
    return "".join(parts)


def _middles(text: str, places: Places) -> tuple[Floats, Floats]:
    """
    The middles of all characters. White space and what PDFium made up itself stand at -1, -1.

    :returns: x and y. *Shape:* (characters,) each.
    """
    middles = (None if sign.isspace() else places.middle(n) for n, sign in enumerate(text))
    both = np.array([NOWHERE if middle is None else middle for middle in middles])
    return both[:, 0], both[:, 1]


def _homes(x: Floats, y: Floats, fields: list[Field]) -> Integers:
    """
    The first field that each character stands in, by its number, or -1.

    :param x: *Shape:* (characters,), as `y`.
    :returns: *Shape:* (characters,)
    """
    homes = np.full(len(x), -1)
    for number, one in enumerate(fields):
        level = (x >= 0) & (one.bottom <= y) & (y <= one.top)
        homes[level & (one.left <= x) & (x <= one.right) & (homes < 0)] = number
    return homes


def _label_start(one: Field, x: Floats, y: Floats) -> int:
    """
    The place of the first character right of a box to tick, or -1 if its label stands left of it.

    :param x: *Shape:* (signs,), as `y`.
    """
    level = (x >= 0) & (one.bottom <= y) & (y <= one.top)
    left, right = x[level & (x < one.left)], x[level & (x > one.right)]
    if not len(right) or (len(left) and one.left - left.max() < right.min() - one.right):
        return -1
    return int(np.flatnonzero(level & (x == right.min()))[0])


def _label_end(one: Field, signs: list[str], x: Floats, y: Floats) -> int:
    """
    The place of the last character of a field's label, or -1.

    A label stands left of its field, or else above.

    :param x: *Shape:* (signs,), as `y`.
    """
    level = (x >= 0) & (one.bottom <= y) & (y <= one.top)
    left = np.flatnonzero(level & (x < one.left))
    if len(left):
        return int(left[np.argmax(x[left])])
    near = (one.left - NEAR <= x) & (x <= one.right) & (one.top < y) & (y <= one.top + NEAR)
    above = np.flatnonzero(near)
    return _line_end(int(above[-1]), signs) if len(above) else len(signs) - 1


def _line_end(start: int, signs: list[str]) -> int:
    end = start
    while end + 1 < len(signs) and signs[end + 1] not in "\r\n":
        end += 1
    return end
