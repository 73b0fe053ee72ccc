"""What commands share: services opened from the settings, and JSON on stdout alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.wiring import Services


@contextmanager
def services(*, pool_size: int = 4) -> Iterator[Services]:
    """The services of this process, by its environment."""
    from app import settings
    from app.wiring import open_services

    with open_services(settings.load(), pool_size=pool_size) as opened:
        yield opened


def emit_json(value: Any) -> None:
    """One JSON object on stdout; dates and paths as text."""
    json.dump(value, sys.stdout, ensure_ascii=False, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()
