"""The chat without a language model: greetings, other spellings, outlines and follow-ups."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import harbour
from tests.chat_page import bot
from tests.serving import Served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server with two documents and no language model."""
    with harbour.served() as server:
        yield server


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat [data-testid=user]").last).to_contain_text(question)
    expect(page.locator("#question .submit-button")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_greeting_is_returned_with_questions_to_click(visit, width, scheme):
    """No search, no "Not in the documents". A click on a question asks it."""
    page = visit(width=width, color_scheme=scheme)
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, "Hallo!")
    expect(bot(page)).to_contain_text("Frag etwas zu deinen Dokumenten")
    suggested = bot(page).locator("a.ask")
    question = suggested.first.inner_text()
    suggested.first.click()
    expect(page.locator("#chat [data-testid=user]").last).to_contain_text(question)
    expect(bot(page).locator("a.citation").first).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("")


def test_misspelt_question_is_asked_again_by_a_click(visit):
    """ "Did you mean" stands over a question that is answered."""
    page = visit()
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, "How much did the fery termnal cost?")
    expect(bot(page)).to_contain_text("Did you mean")
    page.reload()
    bot(page).get_by_role("link", name="How much did the ferry terminal cost?").click()
    expect(bot(page)).to_contain_text("4.2 million pounds")


def test_broad_question_gets_an_outline_and_a_follow_up_its_subject(visit):
    """Both say what they did. "Searched for" is shown after a reload, too."""
    page = visit()
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, "What is this about?")
    expect(bot(page)).to_contain_text("harbour-report-2023.pdf")
    expect(bot(page)).to_contain_text("marina-rules.md")
    expect(bot(page)).to_contain_text("When must a boat be moved?")
    bot(page).locator("a.citation").first.click()
    expect(page.locator(".sidebar.right #passage")).not_to_be_empty()
    page.keyboard.press("Escape")
    ask(page, "How much did the ferry terminal cost?")
    ask(page, "When was it opened?")
    page.reload()
    expect(bot(page)).to_contain_text("Searched for: When was the ferry terminal opened?")
    expect(bot(page)).to_contain_text("14 May 2023")
