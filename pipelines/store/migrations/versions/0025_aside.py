"""aside: the statements are in 0025_aside.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run_beside(__file__)
