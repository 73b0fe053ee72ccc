"""The first start: the schema, and one version that serves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from pipelines.embedder.loading import EncoderOptions
from pipelines.errors import NotReadyError
from pipelines.store import active, db
from pipelines.versions import first
from tests.versions import load_handle

MIGRATIONS = Path(db.__file__).parent / "migrations" / "versions"


def test_migrate_is_safe_when_started_several_times_at_once(empty_dsn):
    """On an empty database: one brings it up to date, the others wait and find nothing to do."""
    with ThreadPoolExecutor(3) as threads:
        starts = [threads.submit(db.migrate, empty_dsn) for _ in range(3)]
    for start in starts:
        start.result()
    newest = max(path.name.split("_")[0] for path in MIGRATIONS.glob("*.sql"))
    with psycopg.connect(empty_dsn) as conn:
        assert conn.execute("select version_num from alembic_version").fetchall() == [(newest,)]


def test_first_start_makes_one_active_index(pool, tiny_model, tmp_path):
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        with pytest.raises(NotReadyError):
            active.serving(conn)
        for _ in range(2):
            first.ensure_first(
                conn, str(tiny_model), options, size=64, stride=48, lexical_weight=0.4
            )
        pointer = active.get(conn)
        assert pointer is not None
        assert pointer.epoch == 1
        handle = load_handle(conn, options)
        serving = active.serving(conn)
    assert (serving.index.id, serving.model.name, serving.epoch) == (pointer.index_id, "base", 1)
    assert handle.index_id == pointer.index_id
    assert handle.encoder.encode_queries(["the quick fox"]).shape == (1, 32)
