"""jobs: the queue's schema from its package, then the statements in 0005_jobs.sql beside this file."""

from alembic import op
from procrastinate.schema import SchemaManager

from pipelines.store.migrations.sql import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute("create schema procrastinate; set local search_path to procrastinate")
    # Not repeatable by itself, which is why it runs here. Its functions name their tables
    # without a schema: the queue's connections carry the same search path.
    driver.execute(SchemaManager.get_schema().encode())
    driver.execute("set local search_path to default")
    run_beside(__file__)
