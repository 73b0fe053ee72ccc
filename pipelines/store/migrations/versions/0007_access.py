"""access: the statements are in 0007_access.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_beside(__file__)
