"""pairs: the statements are in 0006_pairs.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_beside(__file__)
