"""Sources: the statements are in 0026_sources.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_beside(__file__)
