"""recognised_page: the statements are in 0031_recognised.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_beside(__file__)
