"""
The codes of many texts' tokens between the encoder and the database: 12 kB a window. Those of a
large document would fill the memory, so they wait in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import SpooledTemporaryFile
from typing import overload

# Beyond this many bytes a file takes them, which the system deletes when nobody uses it any more.
IN_MEMORY = 64 * 2**20


class Codes(Sequence[bytes]):
    """The codes of texts in their order, each put once. For one thread at a time."""

    def __init__(self, count: int) -> None:
        """:param count: Number of texts."""
        self._spans = [(0, 0)] * count
        # Not closed here: parts of it live longer.
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115

    def put(self, place: int, code: bytes) -> None:
        """Keep the code of the text at this place."""
        start = self._file.seek(0, 2)
        self._file.write(code)
        self._spans[place] = start, start + len(code)

    def append(self, code: bytes) -> int:
        """Keep the code of one more text, and return its place."""
        self._spans.append((0, 0))
        self.put(len(self) - 1, code)
        return len(self) - 1

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Codes: ...
    def __getitem__(self, place: int | slice) -> bytes | Codes:
        if isinstance(place, slice):
            part = Codes.__new__(Codes)
            part._spans, part._file = self._spans[place], self._file
            return part
        start, end = self._spans[place]
        self._file.seek(start)
        return self._file.read(end - start)
