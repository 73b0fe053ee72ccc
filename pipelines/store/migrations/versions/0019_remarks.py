"""remarks: the statements are in 0019_remarks.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_beside(__file__)
