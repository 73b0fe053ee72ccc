"""refused: the statements are in 0011_refused.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_beside(__file__)
