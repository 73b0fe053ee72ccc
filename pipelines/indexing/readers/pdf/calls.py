"""
PDFium's functions that are called for every character and line of a page.

Through pypdfium2's own bindings each call takes longer than what it does, because every argument is
converted. These take addresses: of a handle by `address_of`, of numbers by `ctypes.addressof`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

_ADDRESS, _NUMBER = ctypes.c_void_p, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "FPDFText_GetCharBox": (_NUMBER, _ADDRESS, _NUMBER, *[_ADDRESS] * 4),
    "FPDFText_CountRects": (_NUMBER, _ADDRESS, _NUMBER, _NUMBER),
    "FPDFText_GetRect": (_NUMBER, _ADDRESS, _NUMBER, *[_ADDRESS] * 4),
    "FPDFText_GetCharAngle": (ctypes.c_float, _ADDRESS, _NUMBER),
    "FPDFPage_GetObject": (_ADDRESS, _ADDRESS, _NUMBER),
    "FPDFPath_CountSegments": (_NUMBER, _ADDRESS),
    "FPDFPath_GetDrawMode": (_NUMBER, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPath_GetPathSegment": (_ADDRESS, _ADDRESS, _NUMBER),
    "FPDFPathSegment_GetType": (_NUMBER, _ADDRESS),
    "FPDFPathSegment_GetPoint": (_NUMBER, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPathSegment_GetClose": (_NUMBER, _ADDRESS),
    "FPDFPageObj_GetBounds": (_NUMBER, _ADDRESS, *[_ADDRESS] * 4),
    "FPDFPageObj_GetMatrix": (_NUMBER, _ADDRESS, _ADDRESS),
}


@cache
def call(name: str) -> Callable[..., Any]:
    """A function of PDFium by its name."""
    import pypdfium2.raw as pdfium

    address = ctypes.cast(getattr(pdfium, name), ctypes.c_void_p).value
    assert address is not None
    result, *arguments = _SIGNATURES[name]
    found: Callable[..., Any] = ctypes.PYFUNCTYPE(result, *arguments)(address)
    return found


def address_of(handle: Any) -> int:
    """The address of a handle of pypdfium2."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
