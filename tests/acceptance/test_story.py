"""
A newcomer's first hour, by mouse, in a fresh home: open the chat, drop documents on it, ask, check
the citation, improve the search, and read what came of it.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import harbour
from tests.corpus import prose
from tests.serving import Served, serving

pytestmark = [pytest.mark.browser, pytest.mark.long]

# Sections of a document: enough for twenty held-out questions, the fewest to judge a version by.
SECTIONS = 60
READY_MS, IMPROVED_MS = 180_000, 600_000  # a busy machine is slow, not wrong


@pytest.fixture
def served(browser: Browser) -> Iterator[Served]:
    """A server with its worker, that has nothing but the handbook."""
    with serving(worker=True) as server:
        yield server


def duties(folder: Path) -> Path:
    """A long document of which many whole questions can be asked."""
    draw = random.Random(0)
    written = folder / "duties.md"
    sections = [f"## Duty {n}\n\n{prose(draw)}\n" for n in range(SECTIONS)]
    written.write_text("\n".join(sections), encoding="utf-8")
    return written


def drop(page: Page, files: list[Path]) -> None:
    """Drop files on the page, as from another window."""
    carried = page.evaluate_handle(
        "files => { const made = new DataTransfer();"
        " for (const [name, text] of files)"
        " made.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name));"
        " return made; }",
        [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#chat", event, {"dataTransfer": carried})


def test_a_newcomer_drops_documents_asks_checks_and_improves(
    visit: Callable[..., Page], served: Served, tmp_path: Path
) -> None:
    """From the link that is printed at the start to one sentence that says what became of it."""
    page = visit(served.link())
    documents = [*harbour.write(tmp_path), duties(tmp_path)]
    drop(page, documents)
    for document in documents:
        row = page.locator("#files .file").filter(has_text=document.name)
        expect(row).to_contain_text("Ready", timeout=READY_MS)

    page.locator("#question textarea").fill("How much did the ferry terminal cost?")
    page.get_by_role("button", name="Send", exact=True).click()
    answer = page.locator("#chat [data-testid=bot]").last
    expect(answer).to_contain_text("4.2 million pounds")
    expect(page.locator("#files .file")).to_have_count(0)  # they have made room
    first = page.locator("#chat a.citation").first
    expect(first).to_have_text("[1]")
    first.click()
    panel = page.locator(".sidebar.right")
    expect(panel).to_contain_text("harbour-report-2023.pdf")
    expect(panel.locator("#passage mark").first).to_contain_text("4.2 million pounds")

    page.goto(f"{served.url}/admin/")
    button = page.locator("#improve")
    expect(button).to_be_enabled()
    expect(page.locator("#improve-plan")).to_contain_text("about")
    button.click()
    expect(page.locator("#improve-outcome")).to_contain_text(
        re.compile(r"Promoted v1: |Kept base: "), timeout=IMPROVED_MS
    )
    expect(button).to_be_enabled()
