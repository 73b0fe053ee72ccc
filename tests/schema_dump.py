"""
Prints the schema that the migrations create, as stored in `pipelines/store/schema.sql`.

`make schema` runs it, and `tests/integration/test_schema.py` compares.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from app.actions.backup import postgres
from pipelines.store import db
from pipelines.store.embedded import EmbeddedPostgres

# Lines that differ from run to run or from one pg_dump to another.
VOLATILE = re.compile(r"^(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict|$)")


def dump(dsn: str) -> str:
    """The schema of a database as one statement after another, without ownership or comments."""
    text = subprocess.run(
        [
            postgres.program("pg_dump"),
            "--schema-only",
            "--no-owner",
            "--exclude-schema=procrastinate",  # the job queue's own schema, as its package ships it
            dsn,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [line for line in text.splitlines() if not VOLATILE.match(line)]
    return (
        "-- The whole schema, written by `make schema` from the migrations. Read it; do not run it.\n"
        + re.sub(r"\n(CREATE|ALTER)", r"\n\n\1", "\n".join(lines))
        + "\n"
    )


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="attune-") as folder,
        EmbeddedPostgres(Path(folder)) as server,
    ):
        db.migrate(server.dsn)
        print(dump(server.dsn), end="")


if __name__ == "__main__":
    main()
