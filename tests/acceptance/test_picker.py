"""Choosing where to search, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import harbour
from tests.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.long]

COST = "How much did the ferry terminal cost?"
NIGHT = "What does a night on the visitors' pier cost?"
REPORT, RULES = "harbour-report-2023.pdf", "marina-rules.md"


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    with harbour.served() as server:
        yield server


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the whole answer."""
    answers, box = page.locator("#chat [data-testid=bot]"), page.locator("#question textarea")
    count = answers.count()
    box.fill(question)
    box.press("Enter")
    expect(answers).to_have_count(count + 1)
    expect(page.locator("#chat .waiting")).to_have_count(0)
    expect(page.locator("#question .submit-button")).to_be_visible()


def titles(page: Page) -> set[str]:
    """The documents that the last answer's citations and nearest passages name."""
    links = page.locator('#chat .bot-row:last-of-type a[href*="#source-"]').all()
    return {(link.get_attribute("title") or "").partition(" · ")[0] for link in links}


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_question_is_asked_of_the_documents_chosen(visit, width, height):
    """By typing a part of a name and by keys alone. The choice stays with its conversation."""
    page = visit(width=width, height=height)
    control = page.get_by_role("button", name="Search in:")
    expect(control).to_contain_text("Everything")
    control.click()
    dialog = page.get_by_role("dialog", name="Where to search")
    expect(dialog.get_by_role("checkbox")).to_have_count(2)
    dialog.get_by_role("searchbox").fill("RULES mar")
    expect(dialog.get_by_role("checkbox")).to_have_count(1)
    dialog.get_by_role("searchbox").press("ArrowDown")
    page.keyboard.press("Space")
    expect(dialog).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(control).to_contain_text(RULES)
    ask(page, NIGHT)
    answer = page.locator("#chat [data-testid=bot]").last
    expect(answer).to_contain_text(f"Searched in: {RULES}")
    expect(answer).to_contain_text("18 pounds")
    ask(page, COST)
    assert titles(page) <= {RULES}
    page.reload()
    expect(control).to_contain_text(RULES)
    page.get_by_role("button", name="Search everything", exact=True).click()
    expect(control).to_contain_text("Everything")
    ask(page, COST)
    expect(answer).to_contain_text("4.2 million pounds")
    expect(answer).not_to_contain_text("Searched in")
    expect(page.locator("#question")).to_be_in_viewport(ratio=1)
    page.goto(page.url.partition("?")[0])  # a new chat, which on a phone is behind a drawer
    expect(control).to_contain_text("Everything")


def test_what_the_choice_does_not_hold_can_be_asked_of_everything(visit):
    """One click, and the choice is lifted."""
    page = visit()
    control = page.get_by_role("button", name="Search in:")
    control.click()
    page.get_by_role("dialog").get_by_text(RULES).click()
    page.get_by_role("button", name="Done").click()
    ask(page, "Who is Edda Thorne?")
    answer = page.locator("#chat [data-testid=bot]").last
    expect(answer).to_contain_text(f"Nothing in {RULES} answers this question.")
    answer.get_by_role("link", name="Search everything").click()
    expect(answer).to_contain_text("harbour master is Edda Thorne")
    expect(control).to_contain_text("Everything")
