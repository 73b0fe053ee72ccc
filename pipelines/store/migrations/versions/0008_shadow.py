"""shadow: the statements are in 0008_shadow.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_beside(__file__)
