"""places: the statements are in 0010_places.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_beside(__file__)
