"""own_files: the statements are in 0015_own_files.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_beside(__file__)
