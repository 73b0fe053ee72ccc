"""stored_files: the statements are in 0020_stored_files.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_beside(__file__)
