"""The browser and its visitors. Each module brings its own server (`served`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.serving import DOCS_IMAGES, Served, chromium, visits


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """
    One browser for the tests of a module. Each visitor is one of its contexts.

    The scope is no wider, because while Playwright runs, nothing else in this thread can run an
    event loop.
    """
    expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong
    with chromium() as opened:
        yield opened


@pytest.fixture
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where screenshots go: to the documentation if asked for, else nowhere that lasts."""
    return DOCS_IMAGES if request.config.getoption("--update-screenshots") else tmp_path


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens a page as a new visitor. It may not complain, nor ask anybody but the server."""
    with visits(browser, served) as opened:
        yield opened
