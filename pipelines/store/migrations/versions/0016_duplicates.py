"""document, job_progress: the statements are in 0016_duplicates.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_beside(__file__)
