"""The readable schema file is what the migrations make."""

from pathlib import Path

from pipelines import store
from tests.schema_dump import dump


def test_schema_file_matches_migrations(dsn):
    """schema.sql is always current. `make schema` writes it again."""
    kept = (Path(store.__path__[0]) / "schema.sql").read_text(encoding="utf-8")
    assert dump(dsn) == kept, "run `make schema`"
