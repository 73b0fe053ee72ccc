"""Groups of accounts: the statements are in 0027_groups.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    run_beside(__file__)
