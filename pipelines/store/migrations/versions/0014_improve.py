"""Improvements: the statements are in 0014_improve.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_beside(__file__)
