"""codes: the statements are in 0021_codes.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_beside(__file__)
