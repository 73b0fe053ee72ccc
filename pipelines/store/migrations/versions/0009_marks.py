"""marks: the statements are in 0009_marks.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_beside(__file__)
