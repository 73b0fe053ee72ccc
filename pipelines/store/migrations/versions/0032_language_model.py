"""Language models that admins add: the statements are in 0032_language_model.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_beside(__file__)
