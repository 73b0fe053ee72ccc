"""Review of wrong passages: the statements are in 0033_wrong_review.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run_beside(__file__)
