"""What of the chat is in view at each width, in the dark, and by the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PageTimeout

from tests import scripted_chat
from tests.chat_page import (
    ask,
    asked,
    bot,
    box,
    citations,
    conversations,
    drawn,
    panel,
    when_there,
)
from tests.scripted_chat import COST, SLOW
from tests.serving import Served, screenshot

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server with two documents, and a language model that follows the script."""
    with scripted_chat.served() as (server, _):
        yield server


@pytest.fixture
def visit(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the chat as a new visitor, and waits until it is there."""
    return lambda **options: when_there(visit(**options))


def in_view(page: Page) -> bool:
    """Whether the last question, the beginning of its answer and the composer come to be seen."""
    try:
        page.wait_for_function("""() => {
            const box = (selector) => [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect();
            const question = box("#chat .user-row"), answer = box("#chat .bot-row");
            const composer = box("#question");
            const view = document.querySelector("#chat .bubble-wrap").getBoundingClientRect();
            return question.top >= view.top && question.bottom < answer.top
                && answer.top + 24 <= composer.top && composer.bottom <= window.innerHeight
                && document.documentElement.scrollHeight <= window.innerHeight;
        }""")
    except PageTimeout:
        return False
    return True


def pane(page: Page) -> Locator:
    """What scrolls."""
    return page.locator("#chat .bubble-wrap")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_every_question_of_a_conversation_stays_in_view(visit, width, height):
    """Eight questions: each is seen with the beginning of its answer, and so is the composer."""
    page = visit(width=width, height=height)
    for number in range(1, 9):
        ask(page, f"{COST} ({number})")
        expect(page.locator("#chat .user-row").last).to_contain_text(f"({number})")
        expect(bot(page)).to_contain_text("4.2 million pounds")
        assert in_view(page), f"question {number} while it is answered"
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
        expect(citations(page)).to_have_count(number)
        assert in_view(page), f"question {number}"
    page.reload()
    expect(bot(page)).to_be_in_viewport(ratio=1)
    expect(page.locator("#chat .message-buttons-left").last).to_be_in_viewport(ratio=1)
    page.locator("#chat [aria-label=Dislike]").last.click()
    expect(page.locator("#reason")).to_be_in_viewport(ratio=1)


def test_a_question_at_the_top_stays_whole_when_what_is_above_it_changes(visit):
    """Its bubble is not cut when an earlier answer gets lower or higher afterwards."""
    page = visit(width=390, height=844)
    for number in range(1, 4):
        ask(page, f"{COST} ({number})")
        expect(citations(page)).to_have_count(number)
    # While an answer is drawn again the browser moves the view by itself, and nobody has scrolled.
    before = pane(page).evaluate("pane => pane.scrollTop")
    page.evaluate("""() => {
        const answer = [...document.querySelectorAll("#chat .bot-row")].at(-1);
        answer.style.display = "none";
        document.querySelector("#chat .bubble-wrap").scrollTop -= 60;
        answer.style.display = "";
        answer.append("");
    }""")
    page.wait_for_function(f"document.querySelector('#chat .bubble-wrap').scrollTop === {before}")
    for pixels in (40, 0):
        page.evaluate(
            "pixels => { document.querySelector('#chat .user-row').style.marginTop = `${pixels}px`;"
            " document.querySelector('#chat .bot-row').append(''); }",
            pixels,
        )
        page.wait_for_timeout(300)
        assert in_view(page), f"{pixels} pixels"
    pane(page).hover()
    page.mouse.wheel(0, -10_000)
    page.wait_for_function("document.querySelector('#chat .bubble-wrap').scrollTop === 0")
    page.evaluate("document.querySelector('#chat .bot-row').append('')")
    page.wait_for_timeout(300)
    assert pane(page).evaluate("pane => pane.scrollTop") == 0


def test_who_scrolls_up_is_left_alone_and_finds_the_way_back(visit):
    """While a long answer comes: Stop is in reach, the place read stays, one click leads to the end."""
    page = visit(height=400)
    for number in range(1, 4):
        ask(page, f"{COST} ({number})")
        expect(citations(page)).to_have_count(number)
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on")
    stop = page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_in_viewport(ratio=1)
    to_end = page.get_by_role("button", name="Jump to the end")
    pane(page).hover()
    page.mouse.wheel(0, -10_000)
    expect(page.locator("#chat .user-row").first).to_be_in_viewport()
    expect(to_end).to_be_visible()
    expect(bot(page)).to_contain_text("It goes on and on. " * 12)
    assert pane(page).evaluate("pane => pane.scrollTop") == 0
    to_end.click()
    expect(bot(page)).to_contain_text("It goes on and on. " * 30)
    expect(to_end).to_be_hidden()
    expect(bot(page)).to_be_in_viewport()
    stop.click()
    expect(bot(page)).to_contain_text("Stopped before the end")


def test_keyboard_alone_is_enough(visit):
    """Enter sends, Shift+Enter breaks the line, Tab reaches the citation, Escape closes its panel."""
    page = visit()
    expect(box(page)).to_be_focused()
    page.keyboard.type("How much did the ferry")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("terminal cost?")
    assert "\n" in box(page).input_value()
    page.keyboard.press("Enter")
    expect(citations(page)).to_have_count(1)
    # The answer is drawn again when it has ended, and focus goes with it.
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible()
    expect(page.locator("#question .submit-button")).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('a[href*=\"#source-\"]')"):
            break
    expect(citations(page)).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    expect(panel(page)).to_have_class(re.compile(r"\bopen\b"))
    page.keyboard.press("Escape")
    expect(panel(page)).not_to_have_class(re.compile(r"\bopen\b"))
    expect(citations(page)).to_be_focused()


def test_dark_mode_follows_the_system(visit, images):
    """Dark ground, light words."""
    page = visit(color_scheme="dark")
    asked(page, COST)
    dark = (
        "el => getComputedStyle(el).backgroundColor.match(/\\d+/g).slice(0, 3).every(n => n < 60)"
    )
    assert page.locator("body").evaluate(dark)
    citations(page).first.click()
    expect(panel(page).locator("#passage")).to_contain_text("4.2 million")
    expect(drawn(page)).to_be_visible()
    page.wait_for_timeout(400)
    screenshot(page, images / "chat-dark.png")


def test_phone_width_shows_the_chat_first_and_all_of_it(visit, images):
    """Nothing is wider than the screen. Conversations and passages are drawers."""
    page = visit(width=390, height=844)
    wide = "document.documentElement.scrollWidth > window.innerWidth"
    assert not page.evaluate(wide)
    left = page.locator(".sidebar:not(.right)")
    expect(left).not_to_have_class(re.compile(r"\bopen\b"))
    asked(page, COST)
    assert not page.evaluate(wide)
    screenshot(page, images / "chat-phone.png")
    left.locator(".toggle-button").click()
    expect(conversations(page)).to_have_count(1)
    expect(conversations(page).first).to_be_in_viewport()
    conversations(page).first.click()
    expect(conversations(page).first).not_to_be_in_viewport()
    citations(page).first.click()
    expect(panel(page).locator("#passage")).to_contain_text("4.2 million")
    expect(drawn(page)).to_be_visible()
    page.wait_for_timeout(400)
    screenshot(page, images / "chat-phone-citation.png")
