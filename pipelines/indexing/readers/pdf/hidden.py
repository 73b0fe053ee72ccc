"""Layers of a PDF that are switched off: what nobody sees is not read."""

from __future__ import annotations

import ctypes
import io
import re
import zlib
from functools import cached_property
from typing import Any

LONGEST_NAME = 400
# Objects of a page that are looked at.
MOST_OBJECTS = 50_000
# Bytes of a packed part of a file that are looked at.
MOST_UNPACKED = 20_000_000

_OBJECT_STREAM = re.compile(rb"/ObjStm\b.{0,1000}?stream\r?\n", re.DOTALL)


class Layers:
    """The layers of one document. Which of them are hidden is looked up when a page has any."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._may_have = _may_have_layers(data)

    @cached_property
    def _hidden(self) -> set[str]:
        return hidden_layers(self._data)

    def remove_hidden(self, page: Any) -> None:
        """Take the text of hidden layers off a page, before its text is read."""
        import pypdfium2.raw as pdfium

        if not self._may_have:
            return
        raw = page.raw
        gone = []
        for place in range(min(MOST_OBJECTS, pdfium.FPDFPage_CountObjects(raw))):
            shape = pdfium.FPDFPage_GetObject(raw, place)
            for mark in range(pdfium.FPDFPageObj_CountMarks(shape)):
                if (layer := _layer(shape, mark)) and layer in self._hidden:
                    gone.append(shape)
                    break
        for shape in gone:
            pdfium.FPDFPage_RemoveObject(raw, shape)
            pdfium.FPDFPageObj_Destroy(shape)


def _may_have_layers(data: bytes) -> bool:
    """Whether the word for layers is in a file, or may be in a part of it that is packed."""
    if b"/OCProperties" in data:
        return True
    is_encrypted = b"/Encrypt" in data
    for packed in _OBJECT_STREAM.finditer(data):
        begin = data.rfind(b"obj", 0, packed.start())
        if b"/FlateDecode" not in data[begin : packed.end()] or is_encrypted:
            return True
        try:
            with memoryview(data) as view:
                objects = zlib.decompressobj().decompress(view[packed.end() :], MOST_UNPACKED)
        except zlib.error:
            return True
        if b"/OCProperties" in objects or b"/Predictor" in data[begin : packed.end()]:
            return True
        if len(objects) == MOST_UNPACKED:
            return True
    return False


def hidden_layers(data: bytes) -> set[str]:
    """The names of the layers that a document opens with switched off, without those also shown."""
    from pypdf import PdfReader

    try:
        layers = PdfReader(io.BytesIO(data)).root_object.get("/OCProperties")
        if layers is None:
            return set()
        layers = layers.get_object()
        default = layers["/D"].get_object()
        every = [reference.get_object() for reference in layers.get("/OCGs", ())]
        off = [reference.get_object() for reference in default.get("/OFF", ())]
        if default.get("/BaseState") == "/OFF":
            on = [reference.get_object() for reference in default.get("/ON", ())]
            off = [layer for layer in every if layer not in on]
        shown = {str(layer.get("/Name")) for layer in every if layer not in off}
        return {str(layer.get("/Name")) for layer in off} - shown
    except MemoryError:
        raise
    except Exception:  # pypdf lets all kinds through on a broken file
        return set()


def _layer(shape: Any, place: int) -> str:
    """The name of the layer that a mark of an object stands for."""
    import pypdfium2.raw as pdfium

    mark = pdfium.FPDFPageObj_GetMark(shape, place)
    size = ctypes.c_ulong()
    pdfium.FPDFPageObjMark_GetName(mark, None, 0, size)
    if size.value != len("OC\0".encode("utf-16-le")):
        return ""
    buffer = ctypes.create_string_buffer(LONGEST_NAME)
    wide = ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR))
    pdfium.FPDFPageObjMark_GetName(mark, wide, len(buffer), size)
    if buffer.raw[: max(0, size.value - 2)].decode("utf-16-le", "ignore") != "OC":
        return ""
    found = pdfium.FPDFPageObjMark_GetParamStringValue(mark, b"Name", wide, len(buffer), size)
    return buffer.raw[: max(0, size.value - 2)].decode("utf-16-le", "ignore") if found else ""
