"""core: the statements are in 0001_core.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_beside(__file__)
