"""shared: the statements are in 0029_shared.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_beside(__file__)
