"""The line that growth follows beyond what was measured, and the picture of it."""

from __future__ import annotations

import pytest

from bench import growth
from bench.growth import Cost


def test_the_line_is_the_power_law_through_the_two_largest():
    """Small sizes are mostly fixed cost and do not bend it."""
    factor, exponent = growth.line(
        [1_000, 10_000, 100_000], [50, 3 * 10_000**0.5, 3 * 100_000**0.5]
    )
    assert (factor, exponent) == pytest.approx((3, 0.5))


def test_the_picture_is_small(tmp_path):
    costs = [Cost(n, 300, n**0.1, n**0.2, n / 100, 100, n**0.3, 0.1, n / 90, 700) for n in (10, 99)]
    growth.plot(costs, tmp_path / "growth.png")
    assert 1_000 < (tmp_path / "growth.png").stat().st_size < 100_000
