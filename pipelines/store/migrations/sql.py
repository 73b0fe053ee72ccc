"""Runs the plain SQL file next to a revision."""

from pathlib import Path

from alembic import op


def run_beside(revision_file: str) -> None:
    """
    Run every statement of the `.sql` file with the revision's name, as one script.

    :raises RuntimeError: There is no live connection.
    """
    script = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    # The driver's own connection. Without parameters psycopg sends the whole script at once, and
    # does not read `:name` or `%` in it as a placeholder.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration needs a live connection")
    driver.execute(script)
