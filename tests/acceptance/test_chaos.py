"""The short form of `make chaos`: the swap under fire, and the same with a guard removed."""

from __future__ import annotations

import shutil

import pytest

from tests import scratch
from tests.chaos.plan import SHORT
from tests.chaos.report import Live
from tests.chaos.run import run

pytestmark = pytest.mark.long


@pytest.mark.chaos
@pytest.mark.alone
def test_swaps_under_fire_lose_nothing():
    """
    Kills, a crash, races and damaged files while questions are asked and documents change.

    Nothing is lost, mixed or brought back. Promotions in two commits, or without the lock, are
    detected.
    """
    home = scratch.folder("attune-chaos-")
    try:
        found = run(SHORT, Live(), home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert found.broken == []
