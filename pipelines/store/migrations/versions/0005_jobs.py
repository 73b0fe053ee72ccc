"""jobs: the queue's schema from its package, then the statements in 0005_jobs.sql."""

from alembic import op
from procrastinate.schema import SchemaManager

from pipelines.store.migrations.sql import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute("create schema procrastinate; set local search_path to procrastinate")
    # The package's script cannot run twice, so it runs in this revision. Its functions name their
    # tables without a schema, so the queue's connections set the same search path.
    driver.execute(SchemaManager.get_schema().encode())
    driver.execute("set local search_path to default")
    run_beside(__file__)
