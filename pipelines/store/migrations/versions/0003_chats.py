"""chats: the statements are in 0003_chats.sql."""

from pipelines.store.migrations.sql import run_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_beside(__file__)
