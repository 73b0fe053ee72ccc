"""lexical: the statements are in 0002_lexical.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_beside(__file__)
