"""Reads made files as the tests of kinds look at them."""

from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers


def read(data: bytes, name: str, **limits):
    """What is read of a file."""
    return readers.read(data, kinds.mime_of(name), ReadLimits(**limits))


def titles(found) -> list[tuple[int, str]]:
    """Headings with their level."""
    return [(level, title) for _, level, title in found.headings]
