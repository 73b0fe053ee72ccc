"""The chat's page as browser tests look at it: its parts, and asking in it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def box(page: Page) -> Locator:
    """Where a question is typed."""
    return page.locator("#question textarea")


def bot(page: Page) -> Locator:
    """The last answer."""
    return page.locator("#chat [data-testid=bot]").last


def citations(page: Page) -> Locator:
    """The numbers in the answers."""
    return page.locator('#chat a[href*="#source-"]:not(.source)')


def panel(page: Page) -> Locator:
    """Where a citation shows its passage."""
    return page.locator(".sidebar.right")


def marked(page: Page) -> Locator:
    """The supporting sentence in the passage."""
    return panel(page).locator("#passage mark")


def drawn(page: Page) -> Locator:
    """The words of a citation where they are printed, in the small picture of their page."""
    return panel(page).locator(".source-window .source-box").first


def conversations(page: Page) -> Locator:
    """The list on the left."""
    return page.locator("#conversation-list label")


def title(page: Page) -> Locator:
    """Where the open conversation is renamed."""
    return page.locator("#conversation-title input, #conversation-title textarea").first


def when_there(page: Page) -> Page:
    """The page, once an empty chat shows what it has to."""
    expect(page.locator("#chat .example").first).to_be_visible()
    return page


def ask(page: Page, question: str) -> None:
    """Send a question, and wait for nothing."""
    box(page).fill(question)
    box(page).press("Enter")


def asked(page: Page, question: str) -> None:
    """Ask, and wait for the whole answer."""
    ask(page, question)
    expect(citations(page).last).to_be_visible()
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible()


def copied(page: Page, text: str) -> None:
    """Wait until this is in the clipboard, which a page writes to in its own time."""
    page.wait_for_function(
        "wanted => navigator.clipboard.readText().then(text => text === wanted)", arg=text
    )
