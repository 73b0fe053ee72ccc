"""api_keys: the statements are in 0022_api_keys.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_beside(__file__)
