"""document_process: the statements are in 0018_document_process.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    run_beside(__file__)
