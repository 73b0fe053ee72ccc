"""backup_state: the statements are in 0024_backup_state.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_beside(__file__)
