"""The source itself: a click on a citation leads to the page or the text that it comes from."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests import harbour
from tests.serving import Served, screenshot

pytestmark = pytest.mark.browser

COST = "How much did building the ferry terminal cost?"
NIGHT = "What does a night on the visitors' pier cost?"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server without a language model, with a PDF of three pages and a Markdown file."""
    with harbour.served() as server:
        yield server


def cited(page: Page, question: str) -> None:
    """Ask, and open the first citation."""
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible()
    page.locator('#chat a[href*="#source-"]').first.click()
    expect(page.locator("#details a.show-source")).to_be_visible()


def yellow(page: Page, box: dict[str, float]) -> float:
    """The share of marked pixels in a part of the window."""
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB"))
    red, green, blue = shot[..., 0], shot[..., 1], shot[..., 2]
    return float(((red > 220) & (green > 190) & (blue < 190)).mean())


def drawn(page: Page) -> None:
    """Wait until the page's picture is there."""
    page.wait_for_function(
        "() => { const picture = document.querySelector('#source img');"
        " return picture && picture.complete && picture.naturalWidth > 0; }"
    )


def test_a_citation_shows_its_page_with_the_words_marked(
    visit: Callable[..., Page], served: Served, images: Path
) -> None:
    """First small in the panel, then the page beside the answer, by mouse and by keyboard."""
    page = visit()
    cited(page, COST)
    window = page.locator(".source-window")
    expect(window).to_have_attribute("aria-label", "Show page 2 of 3")
    expect(window.locator(".source-box").first).to_be_visible()
    window.click()
    source = page.locator("#source")
    expect(source.locator(".source-where")).to_have_text("Page 2 of 3")
    expect(source.locator("img")).to_have_attribute(
        "alt", re.compile(r"^Page 2 of 3\. .*Building the terminal cost")
    )
    drawn(page)
    box = source.locator(".source-box").first.bounding_box()
    assert box is not None
    assert yellow(page, box) > 0.5
    assert yellow(page, box | {"y": box["y"] - 60, "height": 20}) < 0.02
    answer = page.locator("#chat [data-testid=bot]").last.bounding_box()
    left = source.bounding_box()
    assert answer is not None
    assert left is not None
    assert answer["x"] >= 0
    assert answer["x"] + answer["width"] <= left["x"]
    screenshot(page, images / "source-page.png")

    page.keyboard.press("ArrowRight")
    expect(source.locator(".source-where")).to_have_text("Page 3 of 3")
    expect(source.locator(".source-box")).to_have_count(0)
    expect(source.get_by_role("button", name="Next page")).to_be_disabled()
    source.get_by_role("button", name="Previous page").click()
    expect(source.locator(".source-where")).to_have_text("Page 2 of 3")
    drawn(page)
    before = source.locator(".source-sheet").bounding_box()
    page.keyboard.press("+")
    expect(source.locator(".source-zoom")).to_have_text("125%")
    larger = source.locator(".source-sheet").bounding_box()
    assert before is not None
    assert larger is not None
    assert larger["width"] == pytest.approx(1.25 * before["width"], abs=2)
    with page.expect_download() as saved:
        source.get_by_role("link", name="Original").click()
    assert saved.value.suggested_filename == "harbour-report-2023.pdf"
    original = served.home / "in" / "harbour-report-2023.pdf"
    assert Path(saved.value.path()).read_bytes() == original.read_bytes()
    page.keyboard.press("Escape")
    expect(source).to_be_hidden()
    expect(page.locator(".sidebar.right.open")).to_be_visible()
    expect(window).to_be_focused()


def test_another_kind_of_document_opens_as_its_text_at_the_passage(
    visit: Callable[..., Page],
) -> None:
    """The supporting words are marked and in view. What the document says does not run."""
    page = visit()
    cited(page, NIGHT)
    expect(page.locator(".source-window")).to_have_count(0)
    page.get_by_role("link", name="Show in the document").click()
    source = page.locator("#source")
    expect(source.locator(".here mark").first).to_contain_text("visitors' pier")
    expect(source.locator(".here mark").first).to_be_in_viewport()
    expect(source.locator(".source-text")).to_contain_text(["A boat must leave its berth"])
    expect(source.locator("script, .source-text img")).to_have_count(0)
    expect(source.locator(".source-tools")).to_be_hidden()
    assert page.title() != "taken"
    source.get_by_role("button", name="Close the source").click()
    expect(source).to_be_hidden()
    expect(page.get_by_role("link", name="Show in the document")).to_be_focused()


def test_a_phone_shows_the_source_alone_and_goes_back(visit: Callable[..., Page]) -> None:
    """It covers the screen, keeps the focus inside, is large enough to read, and Back closes it."""
    page = visit(**PHONE, has_touch=True)
    cited(page, COST)
    page.get_by_role("link", name="Show the page").click()
    source = page.locator("#source")
    drawn(page)
    box = source.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (PHONE["width"], PHONE["height"])
    expect(source.locator(".source-box").first).to_be_in_viewport()
    expect(source.locator(".source-zoom")).to_have_text("200%")
    for control in source.locator("button, a").all():
        placed = control.bounding_box()
        assert placed is not None
        assert min(placed["width"], placed["height"]) >= 40
        assert placed["x"] + placed["width"] <= PHONE["width"]
    for _ in range(12):
        page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || !!document.activeElement.closest('#source')"
        assert page.evaluate(inside)
    page.go_back()
    expect(source).to_be_hidden()
    expect(page.locator("#chat [data-testid=bot]").last).to_be_attached()


def test_the_source_follows_the_passage_that_is_chosen(visit: Callable[..., Page]) -> None:
    """Another citation while the source is open shows that one's."""
    page = visit()
    cited(page, COST)
    page.locator(".source-window").click()
    expect(page.locator("#source .source-where")).to_have_text("Page 2 of 3")
    page.locator("#question textarea").fill(NIGHT)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat .bot.message").last).to_contain_text("18 pounds")
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible()
    page.locator("#chat .bot.message").last.locator('a[href*="#source-"]').first.click()
    expect(page.locator("#source #source-title")).to_have_text("marina-rules.md")
    expect(page.locator("#source .here mark").first).to_be_visible()
