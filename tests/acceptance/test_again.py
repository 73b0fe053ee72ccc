"""Changing a question and asking again, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests import harbour
from tests.acceptance.test_picker import COST, NIGHT, ask
from tests.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    with harbour.served() as server:
        yield server


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_question_is_changed_and_what_was_there_stays_readable(visit, width, height):
    """Cancelling changes nothing. An earlier question is asked again at the end."""
    page = visit(width=width, height=height)
    box, answer = page.locator("#question textarea"), page.locator("#chat [data-testid=bot]").last
    questions = page.locator("#chat .user-row")
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, COST)
    change = page.get_by_role("button", name="Change this question")
    change.click()
    expect(box).to_have_value(COST)
    page.keyboard.press("Escape")
    expect(box).to_have_value("")
    expect(answer).to_contain_text("4.2 million pounds")
    change.click()
    box.fill(NIGHT)
    box.press("Enter")
    expect(answer).to_contain_text("18 pounds")
    expect(questions).to_have_count(1)
    answer.get_by_text("Earlier version").click()
    expect(answer.locator(".earlier")).to_contain_text(f"You asked: {COST}")
    expect(answer.locator(".earlier")).to_contain_text("4.2 million pounds")
    expect(change).to_have_count(1)
    ask(page, "Who is the harbour master?")
    page.get_by_role("button", name="Ask again").click()
    expect(questions).to_have_count(3)
    expect(questions.last).to_contain_text(NIGHT)
    expect(answer).to_contain_text("18 pounds")
    expect(page.locator("#question")).to_be_in_viewport(ratio=1)
    page.reload()
    expect(questions).to_have_count(3)
    expect(page.get_by_text("Earlier version")).to_have_count(1)
