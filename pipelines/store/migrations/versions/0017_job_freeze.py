"""job_freeze: the statements are in 0017_job_freeze.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_beside(__file__)
