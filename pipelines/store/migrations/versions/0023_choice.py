"""choice: the statements are in 0023_choice.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_beside(__file__)
