"""An ingester on a test's database, with one reader for all tests."""

from __future__ import annotations

import pytest

from pipelines.embedder.loading import EncoderOptions
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.ingest import Ingester
from pipelines.versions.first import ensure_first
from tests.versions import load_handle


@pytest.fixture(scope="session")
def converter():
    """One reader process for all tests: starting it takes seconds."""
    with Converter(ReadLimits(memory_mb=600, cpu_s=20)) as opened:
        yield opened


@pytest.fixture
def ingester(pool, tiny_model, tmp_path, converter):
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        ensure_first(conn, str(tiny_model), options, size=32, stride=24, lexical_weight=0.9)
        handle = load_handle(conn, options)
    return Ingester(pool, lambda: handle, converter, chunk_chars=400)
