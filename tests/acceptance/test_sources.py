"""The admin's screen of sources: a website that changes, a real server with its worker, a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.serving import Served, screenshot, serving
from tests.site import Reply, Site
from tests.site import serving as website

pytestmark = [pytest.mark.browser, pytest.mark.long]

PASSWORD = "the-harbour-masters-word"
# A worker is niced: on a busy machine its reader and its model take minutes to load.
LONG_MS = 300_000


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    names = ["tides", "berths", "lamps", "cranes"]
    site.page("/guide/", "The guide to the harbour.", *(f"{n}.html" for n in names), "plan.pdf")
    for name in names:
        site.page(f"/guide/{name}.html", f"What there is to know of {name}.", title=name.title())
    site.pages["/guide/plan.pdf"] = Reply(b"%PDF-1.4 and then nothing", "application/pdf")
    with website(site):
        yield site


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    given = {"ATTUNE_SOURCE_NETWORKS": "127.0.0.1", "ATTUNE_SOURCE_DELAY_S": "0"}
    with serving(worker=True, ATTUNE_ADMIN_PASSWORD=PASSWORD, **given) as server:
        yield server


@pytest.fixture
def admin(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the tab, signed in."""

    def opened(width: int = 1280, height: int = 860, **options: Any) -> Page:
        page = visit("/login?next=/admin/%3Ftab%3Dsources", width=width, height=height, **options)
        page.locator("input[type=password]").first.fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#screen-sources-button")).to_have_attribute("aria-selected", "true")
        return page

    return opened


def field(page: Page, name: str) -> Any:
    return page.locator(f"#{name} input, #{name} textarea").first


def shown_whole(page: Page) -> None:
    """Nothing is wider than the screen."""
    wide = "document.documentElement.scrollWidth > window.innerWidth"
    assert not page.evaluate(wide)


def test_a_website_is_followed_and_its_deletions_are_confirmed(
    admin: Callable[..., Page], served: Served, site: Site, images: Path
) -> None:
    """From an address to what its pages became, then to what waits for a yes."""
    page = admin()
    expect(page.locator("#sources-list")).to_contain_text("Nothing is followed yet")
    field(page, "source-address").fill("file:///etc")
    page.locator("#source-later").click()
    expect(page.locator(".toast-body").first).to_contain_text("is none of")
    field(page, "source-address").fill("/etc")
    page.locator("#source-later").click()
    expect(page.locator(".toast-body").last).to_contain_text("ATTUNE_SOURCE_FOLDERS")

    field(page, "source-address").fill(site.url + "/guide/")
    field(page, "source-user").fill("ada")
    field(page, "source-password").fill("s3cr3t")
    page.locator("#source-deletes input").check()
    page.locator("#source-follow").click()
    row = page.locator("#sources-list tbody tr")
    expect(row).to_contain_text("up to date", timeout=LONG_MS)
    expect(row).to_contain_text("website")
    details = page.locator("#source-head")
    expect(details).to_contain_text("5 added, 1 failed")
    expect(page.locator("#source-lines tr", has_text="plan.pdf")).to_contain_text("failed")
    expect(details).to_contain_text("kept encrypted")
    expect(field(page, "source-password")).to_have_value("")
    assert "s3cr3t" not in page.content()
    shown_whole(page)
    screenshot(page, images / "admin-sources.png")

    for name in ("tides", "berths"):
        del site.pages[f"/guide/{name}.html"]
    page.locator("#source-dry").click()
    expect(details).to_contain_text("Would be", timeout=LONG_MS)
    page.locator("#source-read").click()
    expect(row).to_contain_text("waits for you", timeout=LONG_MS)
    expect(page.locator("#source-confirm")).to_contain_text("2 files are gone there")
    page.locator("#source-yes").click()
    expect(details).to_contain_text("2 deleted", timeout=LONG_MS)
    expect(page.locator("#source-confirm")).to_be_hidden()


def test_the_screen_fits_a_phone_in_the_dark(admin: Callable[..., Page], images: Path) -> None:
    page = admin(width=390, height=844, color_scheme="dark")
    expect(page.locator("#sources-list tbody tr")).to_have_count(1)
    shown_whole(page)
    screenshot(page, images / "admin-sources-phone.png")


def test_a_source_is_forgotten_and_its_documents_stay(
    admin: Callable[..., Page], served: Served
) -> None:
    page = admin()
    page.locator("#source-forget").click()
    expect(page.locator(".toast-body").first).to_contain_text("followed no longer")
    expect(page.locator("#sources-list")).to_contain_text("Nothing is followed yet")
    page.locator("#screen-documents-button").click()
    expect(page.locator("#documents-table")).to_contain_text(re.compile("Lamps"))
