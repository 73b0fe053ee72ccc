"""Weekly figures: the statements are in 0028_weeks.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_beside(__file__)
