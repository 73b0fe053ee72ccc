"""
PDFium's functions that are called for every character and line of a page.

Through pypdfium2's own bindings each call takes longer than what it does, because every argument is
converted. Those on a path take its address. Those on the characters and objects of a page are called
most, and declare no arguments, so that nothing is converted: they take `pointer_to` a handle and whole
numbers. Both write to `places_in` an array.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable
from functools import cache
from typing import Any

_ADDRESS, _NUMBER = ctypes.c_void_p, ctypes.c_int
# The result, then the arguments if they are declared.
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "FPDFText_GetCharBox": (_NUMBER,),
    "FPDFText_GetLooseCharBox": (_NUMBER,),
    "FPDFText_GetUnicode": (ctypes.c_uint,),
    "FPDFText_CountRects": (_NUMBER,),
    "FPDFText_GetRect": (_NUMBER,),
    "FPDFText_GetCharAngle": (ctypes.c_float,),
    "FPDFPage_GetObject": (_ADDRESS,),
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


def pointer_to(handle: Any) -> Any:
    """A handle of pypdfium2 as an argument. The handle must outlive it."""
    return ctypes.byref(ctypes.c_char.from_address(address_of(handle)))


def places_in(numbers: array[Any]) -> tuple[Any, ...]:
    """Where PDFium may write each of some numbers, as arguments. These keep the array alive."""
    memory = (ctypes.c_char * (numbers.itemsize * len(numbers))).from_buffer(numbers)
    return tuple(ctypes.byref(memory, numbers.itemsize * n) for n in range(len(numbers)))
