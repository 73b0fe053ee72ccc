"""training: the statements are in 0004_training.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_beside(__file__)
