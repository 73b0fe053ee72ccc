"""replica: the statement is in 0013_replica_address.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_beside(__file__)
