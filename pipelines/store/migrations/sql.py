"""Runs the plain SQL file that lies beside a revision."""

from pathlib import Path

from alembic import op


def run_beside(revision_file: str) -> None:
    """Run every statement of the `.sql` file with the revision's name, as one script."""
    script = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    # The driver's own connection: without parameters psycopg sends the whole script in one
    # go, and no `:name` or `%` in it is taken for a placeholder.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration needs a live connection")
    driver.execute(script)
