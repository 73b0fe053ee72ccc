"""jobs: the statements are in 0005_jobs.sql beside this file."""

from pipelines.store.migrations.sql import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_beside(__file__)
