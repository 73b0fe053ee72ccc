"""The files behind docs/reading.md: each format is read whole, in order, and cited at its place."""

import pytest

from bench import reading
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.ocr.engine import engine_name


@pytest.mark.parametrize(
    ("sample", "content"), reading.contents(), ids=lambda one: getattr(one, "name", one.__class__)
)
def test_a_format_is_read_as_the_page_says(sample, content):
    if sample.name in ("picture", "Word, picture", "PDF, scanned") and engine_name() is None:
        pytest.skip("neither tesseract nor RapidOCR is installed")
    mime = kinds.mime_of(f"file{sample.ending}")
    found = readers.read(sample.make(content), mime, ReadLimits())
    shown = {kind: one.shown for kind, one in reading.checked(sample, content, found).items()}
    assert shown == dict.fromkeys(sample.kinds, "yes")
