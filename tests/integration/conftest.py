"""What the tests of swaps share: a serving version, and a candidate beside it."""

from __future__ import annotations

import pytest

from pipelines import reindex
from pipelines.reindex import EncoderOptions
from tests import versions
from tests.corpus import add_document
from tests.fakes import build_tiny_model


@pytest.fixture(scope="session")
def larger_model(tmp_path_factory):
    return build_tiny_model(tmp_path_factory.mktemp("larger_model"), dimension=48, seed=1)


@pytest.fixture
def world(pool, tiny_model, larger_model, tmp_path):
    """A serving version with two documents, and a candidate of another dimension, not built."""
    options = EncoderOptions(cache=tmp_path, device="cpu", threads=1)
    with pool.connection() as conn:
        reindex.ensure_first(conn, str(tiny_model), options, size=16, stride=12, lexical_weight=0.4)
        serving = reindex.load_handle(conn, options)
        for title in ("one", "two"):
            add_document(conn, serving, title, versions.passages(20, of=title))
    model_id = versions.register(pool, larger_model, "v1", tmp_path / "models")
    _, candidate = versions.create(pool, model_id, options)
    return pool, options, serving, candidate
