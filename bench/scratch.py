"""
A separate database for a bench: an embedded server in a temporary folder, with the bundled model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.services import Services, open_services
from app.settings import Settings


@contextmanager
def scratch() -> Iterator[Services]:
    """Services on an empty, temporary database, independent of the environment."""
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        settings = Settings(home=Path(folder), database_url="", base_model="all-MiniLM-L6-v2")
        with open_services(settings) as services:
            yield services
