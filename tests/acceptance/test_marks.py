"""What visitors say of an answer's sources, from the chat to the admin's screen, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.serving import Served, keep_focus, serving

pytestmark = [pytest.mark.browser, pytest.mark.long]

PASSWORD = "the-word-of-the-marks"
QUESTION = "How do I configure a language model?"


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server that has the handbook, and no language model."""
    with serving(ATTUNE_ADMIN_PASSWORD=PASSWORD) as server:
        yield server


@pytest.fixture
def visit(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the chat as a new visitor."""

    def opened(width: int = 1280, height: int = 844, **options: Any) -> Page:
        page = visit(width=width, height=height, **options)
        expect(page.locator("#chat .example").first).to_be_visible()
        return page

    return opened


def open_source(page: Page) -> int:
    """Ask, open the first passage that the answer cites, and return its number."""
    page.locator("#question textarea").fill(QUESTION)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible()
    # Wait until the page is as stored. It is redrawn after the answer, which loses the focus.
    expect(page.locator("#question .submit-button")).to_be_visible()
    citation = page.locator('#chat a[href*="#source-"]').first
    citation.click()
    expect(page.locator("#marked")).to_contain_text("Is this the right source")
    expect(page.locator("#sources label.selected")).to_have_count(1)
    return int(citation.inner_text().strip("[]"))


def mark(page: Page, name: str) -> Locator:
    return page.locator(f"#mark-{name}")


def stored(served: Served) -> list[tuple[object, ...]]:
    """
    Stored marks: the number of the passage, the verdict, whether by an admin, and whether by the
    asker.
    """
    with served.connection() as conn:
        return conn.execute(
            "select (select (s->>'number')::int from jsonb_array_elements(m.shown) s"
            " where s->>'chunk_id' = k.chunk_id::text), k.verdict, k.by_admin,"
            " k.who = c.visitor from source_mark k join message m on m.id = k.message_id"
            " join conversation c on c.id = m.conversation_id order by k.created_at"
        ).fetchall()


def test_a_visitor_marks_a_source_by_keyboard_and_an_admin_sees_it(visit, served):
    """
    Enter marks it, again removes the mark, and the other button replaces it. It survives a reload.
    """
    page = visit()
    number = open_source(page)
    keep_focus(mark(page, "right"))
    page.keyboard.press("Enter")
    expect(mark(page, "right")).to_have_text("✓ Right")
    expect(mark(page, "right")).to_be_focused()
    assert stored(served) == [(number, "right", False, True)]
    page.keyboard.press("Enter")
    expect(mark(page, "right")).to_have_text("Right")
    assert stored(served) == []
    page.keyboard.press("Enter")
    expect(mark(page, "right")).to_have_text("✓ Right")
    page.keyboard.press("Tab")
    expect(mark(page, "wrong")).to_be_focused()
    page.keyboard.press("Space")
    expect(mark(page, "wrong")).to_have_text("✓ Wrong")
    expect(mark(page, "right")).to_have_text("Right")
    assert stored(served) == [(number, "wrong", False, True)]

    # Another passage, of which nothing is said.
    page.locator("#sources label:not(.selected)").first.click()
    expect(mark(page, "wrong")).to_have_text("Wrong")
    page.reload()
    page.locator('#chat a[href*="#source-"]').first.click()
    expect(mark(page, "wrong")).to_have_text("✓ Wrong")

    page.goto(f"{served.url}/login?next=/admin/%3Ftab%3Dquestions")
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    row = page.locator("#questions-table tbody tr", has_text=QUESTION)
    expect(row).to_contain_text("1 mark")
    row.locator("button.title").click()
    source = page.locator("#question-detail .source", has_text=re.compile(rf"^\s*\[{number}\]"))
    expect(source).to_contain_text("the visitor says: wrong")
    expect(source).to_have_class("source ")  # an admin has not decided


def test_nobody_marks_the_sources_of_another_visitor(visit, served):
    """Not even by asking for them by their number: nothing is shown, and nothing stored."""
    before = stored(served)
    owner, stranger = visit(), visit()
    open_source(owner)
    address = owner.locator('#chat a[href*="#source-"]').first.get_attribute("href") or ""
    box = stranger.locator("#open-source textarea, #open-source input")
    box.evaluate(
        "(box, value) => { box.value = value; box.dispatchEvent(new Event('input', {bubbles: true})) }",
        address.split("#source-")[1] + "-1",
    )
    stranger.wait_for_timeout(1_500)
    expect(stranger.locator(".sidebar.right")).not_to_have_class(re.compile(r"\bopen\b"))
    stranger.evaluate("document.querySelector('#mark-wrong').click()")
    stranger.wait_for_timeout(1_500)
    assert stored(served) == before


def test_marks_fit_a_phone_in_the_dark(visit):
    """Both buttons are on the screen, side by side, light on dark or dark on light."""
    page = visit(width=390, color_scheme="dark")
    open_source(page)
    page.wait_for_timeout(500)  # the panel slides in
    right, wrong = mark(page, "right"), mark(page, "wrong")
    wrong.scroll_into_view_if_needed()
    boxes = [button.bounding_box() for button in (right, wrong)]
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert boxes[0]["y"] == boxes[1]["y"]
    right.click()
    expect(right).to_have_text("✓ Right")
    chosen = page.locator("#sources label.selected")
    dark = "el => getComputedStyle(el).color.match(/\\d+/g).slice(0, 3).every(n => n > 180)"
    assert chosen.evaluate(dark)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
