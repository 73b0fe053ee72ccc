"""
The whole loop as an admin goes through it, in a browser, on real documents: upload, pairs, tuning,
proof, promotion under a running chat, and back. Writes the pictures of the tour when asked to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import harbour
from tests.serving import Served, screenshot, serving

pytestmark = [pytest.mark.browser, pytest.mark.long]

PASSWORD = "edda-thorne-1912"
COST = "How much did the ferry terminal cost?"
REVENUE = "What was the revenue of the trust in 2023?"
ROOT = Path(__file__).resolve().parents[2]
# Enough passages for twenty held-out questions, the fewest that a version is judged on.
DOCUMENTS = [ROOT / "docs" / name for name in ("architecture.md", "training.md")]
JOB_MS = 180_000  # a busy machine is slow, not wrong


@pytest.fixture
def served(browser: Browser) -> Iterator[Served]:
    """A server with its worker, that has nothing but the handbook."""
    with serving(worker=True, ATTUNE_ADMIN_PASSWORD=PASSWORD) as server:
        yield server


def sign_in(page: Page) -> None:
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    # The address names the first screen. Until it is shown, a click on another would be undone.
    expect(page.locator("#overview")).to_contain_text("Serving version")


def open_tab(page: Page, name: str) -> Locator:
    """A screen, once it has been looked at."""
    page.evaluate(f"window.attuneTab({name!r})")
    screen = page.locator(f"#screen-{name}")
    expect(screen).to_be_visible()
    expect(page.locator(f"#screen-{name}-button")).to_have_attribute("aria-selected", "true")
    return screen


def ask(page: Page, question: str) -> None:
    """Ask in the chat, and wait for the whole answer."""
    answers = page.locator("#chat [data-testid=bot]")
    before = answers.count()
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(answers).to_have_count(before + 1)
    expect(page.locator('#chat a[href*="#source-"]').last).to_be_visible()
    expect(answers.last).not_to_contain_text("…")
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible()


def answered_by(served: Served) -> list[tuple[str, int]]:
    """Version and epoch of every answer, in order."""
    with served.connection() as conn:
        return conn.execute(
            "select model_name, epoch from message where role = 'assistant' order by id"
        ).fetchall()


def test_admin_makes_a_better_version_and_takes_it_back(visit, served, images, tmp_path):
    """
    Log in, upload, watch it index, make pairs, tune, watch the curve, compare, promote while a
    second person chats, ask again, roll back, and find all of it in the audit.
    """
    admin = visit("/admin/", height=860)
    sign_in(admin)

    screen = open_tab(admin, "documents")
    admin.locator("#upload input[type=file]").set_input_files(
        [*harbour.write(tmp_path), *DOCUMENTS]
    )
    for name in ("harbour-report-2023.pdf", "marina-rules.md", "training.md"):
        row = screen.locator("tr", has_text=name).first
        expect(row).to_contain_text("indexed", timeout=JOB_MS)

    open_tab(admin, "pairs")
    admin.locator("#pairs-generate").click()
    # The screen of jobs refreshes on its own only if a job runs when it is opened.
    made = admin.locator("#pairs-counts .card .figure").first
    expect(made).not_to_have_text("0", timeout=JOB_MS)
    finished(admin, "Make pairs without a language model")

    open_tab(admin, "tune")
    expect(admin.locator("#tune-data")).to_contain_text("training pair")
    admin.locator("#tune-start").click()
    expect(admin.locator("#run-list tr", has_text="Run 1")).to_be_visible()
    expect(admin.locator("#curve-loss canvas, #curve-loss svg").first).to_be_visible(timeout=JOB_MS)
    expect(admin.locator("#run-details")).to_contain_text("It made v1", timeout=JOB_MS)
    admin.locator("#run-list").evaluate("element => element.scrollIntoView()")
    admin.wait_for_timeout(600)  # the curves are drawn
    screenshot(admin, images / "admin-tune.png")

    open_tab(admin, "compare")
    expect(admin.locator("#candidates")).to_contain_text("v1")
    admin.locator("#compare").click()
    expect(admin.locator("#compare-progress")).to_contain_text("Compare base, v1")
    expect(admin.locator("#verdicts .verdict strong")).to_have_text("v1", timeout=JOB_MS)
    expect(admin.locator("#verdicts tbody tr")).to_have_count(2)
    screenshot(admin, images / "admin-compare.png")
    admin.locator("#more button").first.click()
    expect(admin.locator("#chart .way")).to_have_count(6)
    expect(admin.locator("#summary")).to_contain_text("v1 against base")
    with admin.expect_download() as download:
        admin.locator("#report-html").click()
    assert "v1 against base" in Path(download.value.path()).read_text(encoding="utf-8")

    guest = visit(height=860)
    expect(guest.locator("#chat .example").first).to_be_visible()
    ask(guest, COST)

    said = admin.locator("#verdicts .verdict p").inner_text().removeprefix("v1").strip()
    admin.locator("#verdicts .door", has_text="v1").click()
    # The screen that the door leads to says the same.
    expect(admin.locator("#version-head .note")).to_have_text(said)
    promote(admin)
    ask(guest, REVENUE)  # while it is built, loaded and proved
    expect(admin.locator("#serving")).to_contain_text("v1 serves", timeout=JOB_MS)
    expect(admin.locator("#audit")).to_contain_text("promote")
    screenshot(admin, images / "admin-versions.png")
    ask(guest, "Who is the harbour master?")

    admin.locator("#roll-back").click()
    admin.locator("#why-reason textarea").fill("The tour is over")
    admin.locator("#confirm").click()
    expect(admin.locator("#serving")).to_contain_text("base serves")
    expect(admin.locator("#audit")).to_contain_text("The tour is over")
    ask(guest, COST)
    expect(guest.locator("#chat [data-testid=bot]").last).to_contain_text("4.2 million pounds")

    for did in ("Promote v1", "Compare base, v1", "Train run 1"):
        finished(admin, did)
    screenshot(admin, images / "admin-jobs.png")

    versions = answered_by(served)
    assert versions[0] == ("base", 1)
    assert versions[1] in (("base", 1), ("v1", 2))
    assert versions[2:] == [("v1", 2), ("base", 3)]


def finished(admin: Page, job: str) -> None:
    """Wait for a job on the screen of jobs, which refreshes on its own."""
    open_tab(admin, "jobs")
    row = admin.locator("#jobs-list tr", has_text=job)
    expect(row).to_contain_text("done", timeout=JOB_MS)


def promote(admin: Page) -> None:
    """Promote the newest version, with a reason if the figures advise against it."""
    allowed, refused = admin.locator("#promote"), admin.locator("#override")
    expect(allowed.or_(refused).first).to_be_visible()
    if not refused.is_visible():  # the door asks at once
        expect(admin.locator("#asked")).to_contain_text("everybody")
    else:
        refused.click()
        admin.locator("#why-reason textarea").fill("Shown in the tour, and taken back at once")
    expect(admin.locator("#asked")).to_contain_text(re.compile("everybody|all the same"))
    admin.locator("#confirm").click()
