"""What the tests of improvements fill in, and look at afterwards."""

from __future__ import annotations

import random

from pipelines.store import active
from tests.corpus import add_document, prose


def fill(services, documents=10, passages=5):
    """Documents of the person's own."""
    draw = random.Random(0)
    with services.pool.connection() as conn:
        handle = services.replica.current()
        for number in range(documents):
            add_document(conn, handle, f"d{number}", [prose(draw) for _ in range(passages)])


def audited(services):
    """What was done, and its outcome."""
    with services.pool.connection() as conn:
        return [(a.action, a.detail.get("outcome")) for a in active.audits(conn)]


def serving(services):
    """The version that serves."""
    return services.replica.refresh().model_name
