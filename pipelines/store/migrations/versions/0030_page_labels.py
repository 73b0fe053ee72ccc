"""Labels of pages: the statements are in 0030_page_labels.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_beside(__file__)
