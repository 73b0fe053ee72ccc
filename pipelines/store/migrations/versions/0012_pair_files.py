"""pair_files: the statements are in 0012_pair_files.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_beside(__file__)
