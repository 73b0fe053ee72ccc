"""What language models are told: the statements are in 0034_prompt.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    run_beside(__file__)
