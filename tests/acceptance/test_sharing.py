"""Sharing a conversation by a link, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import harbour
from tests.acceptance.test_picker import COST, NIGHT, ask
from tests.chat_page import copied
from tests.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    with harbour.served() as server:
        yield server


def conversations(page: Page, *, small: bool) -> None:
    """Open or close the list of conversations where it covers the chat."""
    if small:
        page.locator("#conversations .toggle-button").first.click()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_link_opens_the_conversation_for_another_person(visit, tmp_path, width, height, scheme):
    """They read it with its sources, and can do nothing else. Afterwards the link is dead."""
    granted = ["clipboard-read", "clipboard-write"]
    owner = visit(width=width, height=height, color_scheme=scheme, permissions=granted)
    small = width < 500
    ask(owner, COST)
    ask(owner, NIGHT)
    conversations(owner, small=small)
    expect(owner.get_by_role("button", name="Share", exact=True)).to_be_visible()
    expect(owner.get_by_role("button", name="Stop sharing")).not_to_be_visible()
    owner.get_by_role("button", name="Share", exact=True).click()
    link = owner.locator("#share-link textarea, #share-link input")
    expect(owner.get_by_role("button", name="Stop sharing")).to_be_in_viewport(ratio=1)
    expect(link).to_have_value(re.compile(re.escape(f"{served_at(owner)}/shared/") + ".{30}"))
    address = link.input_value()
    owner.get_by_role("button", name="Copy link").click()
    copied(owner, address)
    owner.screenshot(path=tmp_path / f"owner-{scheme}-{width}.png")

    other = visit(width=width, height=height, color_scheme=scheme)
    other.goto(address)
    expect(other.get_by_role("heading", name=COST)).to_be_visible()
    expect(other.locator(".answer").first).to_contain_text("4.2 million pounds")
    expect(other.locator(".answer").last).to_contain_text("18 pounds")
    citation = other.locator(".answer a.citation").first
    citation.click()
    expect(other.locator("li:target")).to_be_in_viewport()
    assert other.locator("input, textarea, button").count() == 0
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
    other.screenshot(path=tmp_path / f"shared-{scheme}-{width}.png", full_page=True)

    owner.get_by_role("button", name="Stop sharing").click()
    expect(owner.get_by_role("button", name="Share", exact=True)).to_be_visible()
    assert other.request.get(address).status == 404


def served_at(page: Page) -> str:
    """The address of the server that a page comes from."""
    return str(page.evaluate("location.origin"))
