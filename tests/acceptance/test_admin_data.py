"""The admin's screens about documents, pairs and questions, as a person uses them: real files, a real
server with its worker, a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import chat_page, harbour
from tests.serving import Served, screenshot, serving

pytestmark = [pytest.mark.browser, pytest.mark.long]

PASSWORD = "the-harbour-masters-word"
COST = "What does a night on the visitors' pier cost?"
ABSENT = "Who won the world cup in 1998?"
# A file name is the uploader's own words.
HOSTILE = "${document.title='taken'} {{x}} <img src=x onerror=\"document.title='taken'\">.txt"
LONG_S = 90_000


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server without documents of anybody's own."""
    with serving(worker=True, ATTUNE_ADMIN_PASSWORD=PASSWORD) as server:
        (server.home / "in").mkdir()
        harbour.write(server.home / "in")
        (server.home / "in" / "empty.docx").write_bytes(b"")
        (server.home / "in" / HOSTILE).write_text(
            "The tide at Saltmere turns every six hours. " * 8
        )
        yield server


@pytest.fixture
def admin(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens a tab of the admin page, signed in."""

    def opened(tab: str, width: int = 1280, height: int = 860, **options: Any) -> Page:
        page = visit(f"/login?next=/admin/%3Ftab%3D{tab}", width=width, height=height, **options)
        page.locator("input[type=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator(f"#screen-{tab}-button")).to_have_attribute("aria-selected", "true")
        return page

    return opened


def rows(page: Page, table: str, text: str | re.Pattern[str]) -> Locator:
    return page.locator(f"#{table} tbody tr", has_text=text)


def shown_whole(page: Page) -> None:
    """Nothing is wider than the screen."""
    wide = "document.documentElement.scrollWidth > window.innerWidth"
    assert not page.evaluate(wide)


def test_files_are_uploaded_and_each_says_what_became_of_it(admin, served, images):
    """Several at once, watched live. A bad file says why, and a hostile name does nothing."""
    page = admin("overview")
    expect(page.locator("#overview")).to_contain_text("no documents of your own yet")
    page.get_by_role("link", name="Add some.").click()
    expect(page).to_have_url(re.compile(r"tab=documents"))
    files = sorted(str(path) for path in (served.home / "in").iterdir())
    page.locator("#upload input[type=file]").set_input_files(files)
    for name in ("harbour-report-2023.pdf", "marina-rules.md", "document.title"):
        expect(rows(page, "documents-table", name)).to_contain_text("indexed", timeout=LONG_S)
    empty = rows(page, "documents-table", "empty.docx")
    expect(empty).to_contain_text("failed")
    expect(empty.locator(".reason")).not_to_be_empty()
    assert page.title() != "taken"
    expect(page.locator("#documents-jobs .bar")).to_have_count(0)
    page.mouse.move(0, 0)
    screenshot(page, images / "admin-documents.png")


def test_a_document_is_searched_looked_into_and_saved(admin, served):
    """Its passages with their windows, and the bytes as they came in."""
    page = admin("documents")
    page.locator("#documents-search input, #documents-search textarea").fill("marina-rules")
    expect(page.locator("#documents-table tbody tr")).to_have_count(1)
    rows(page, "documents-table", "marina-rules.md").locator("button.title").click()
    preview = page.locator("#document-preview")
    expect(preview).to_contain_text("A night on the visitors' pier costs 18 pounds")
    expect(preview.locator("sup").first).to_have_text("1")
    assert page.title() != "taken"
    with page.expect_download() as saving:
        preview.get_by_role("link", name="Download the original").click()
    saved = Path(saving.value.path()).read_bytes()
    assert saved == (served.home / "in" / "marina-rules.md").read_bytes()


def test_documents_are_indexed_again_and_deleted_after_a_yes(admin):
    """Several at once. "Keep" changes nothing."""
    page = admin("documents")
    hostile = rows(page, "documents-table", "document.title")
    before = rows(page, "documents-table", "marina-rules.md")
    before.locator("input").check()
    page.locator("#documents-again").click()
    expect(page.locator(".toast-body").first).to_contain_text("1 document will be indexed again")
    expect(page.locator("#documents-jobs .bar")).to_have_count(0, timeout=LONG_S)
    expect(rows(page, "documents-table", "marina-rules.md")).to_have_count(1)
    page.reload()
    for row in (hostile, rows(page, "documents-table", "empty.docx")):
        row.locator("input").check()
    page.locator("#documents-delete").click()
    ask = page.locator("#confirm-delete")
    expect(ask).to_contain_text("empty.docx")
    page.locator("#delete-no").click()
    expect(ask).not_to_be_visible()
    expect(hostile).to_have_count(1)
    page.locator("#documents-delete").click()
    page.locator("#delete-yes").click()
    expect(hostile).to_have_count(0)
    expect(rows(page, "documents-table", "empty.docx")).to_have_count(0)
    assert page.title() != "taken"


def test_pairs_are_made_and_reviewed_by_keys(admin, images):
    """
    The estimate first, then a job. Review with e, a, r and the arrows. A file is exported and
    imported.
    """
    page = admin("pairs")
    expect(page.locator("#pairs-estimate")).to_contain_text(re.compile(r"\d+ passages, up to"))
    page.locator("#pairs-generate").click()
    counts = page.locator("#pairs-counts .card")
    expect(counts.first.locator(".figure")).not_to_have_text("0", timeout=LONG_S)
    expect(page.locator("#pairs-jobs .bar")).to_have_count(0, timeout=LONG_S)  # no more are made
    page.locator("#pairs-status label", has_text="Accepted").click()
    facts, question = page.locator("#pair-facts"), page.locator("#pair-question textarea")
    expect(facts).to_contain_text("1 of")
    page.locator("h2", has_text="Pairs").click()
    page.keyboard.press("ArrowRight")
    expect(facts).to_contain_text("2 of")
    page.keyboard.press("ArrowLeft")
    expect(facts).to_contain_text("1 of")
    screenshot(page, images / "admin-pairs.png")
    total = int(re.search(r"of (\d+)", facts.inner_text())[1])
    page.keyboard.press("r")
    expect(facts).to_contain_text(f"of {total - 1}")
    page.keyboard.press("e")
    expect(question).to_be_focused()
    question.fill("Which harbour is run by a trust of three parishes?")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(facts).not_to_contain_text("1 of")
    page.keyboard.press("ArrowLeft")
    expect(question).to_have_value("Which harbour is run by a trust of three parishes?")
    with page.expect_download() as saving:
        page.get_by_role("link", name="JSON").click()
    seed = json.loads(Path(saving.value.path()).read_text())
    assert len(seed["queries"]) == total - 1
    page.locator("#pairs-file input[type=file]").set_input_files(
        {"name": "broken.json", "mimeType": "application/json", "buffer": b"{}"}
    )
    expect(page.locator("#pairs-file")).to_contain_text("broken")
    page.locator("#pairs-import").click()
    expect(page.locator(".toast-body").last).to_contain_text("broken.json lacks")
    brought = {
        "queries": {"a": "Who winds the clock of Saltmere?", "b": "When is it wound?"},
        "corpus": {"p": "Edda Thorne winds the clock of Saltmere on Sundays."},
        "relevant_docs": {"a": ["p"], "b": ["p"]},
    }
    page.reload()
    expect(counts.first).to_be_visible()  # what the screen looked like before the import came last
    page.locator("#pairs-file input[type=file]").set_input_files(
        {
            "name": "clock.json",
            "mimeType": "application/json",
            "buffer": json.dumps(brought).encode(),
        }
    )
    expect(page.locator("#pairs-file")).to_contain_text("clock")
    page.locator("#pairs-import").click()
    expect(page.locator("#pairs-imported")).to_contain_text(
        "clock.json: 2 pairs accepted", timeout=LONG_S
    )


def test_a_question_is_kept_with_the_source_that_was_right(admin, served, images):
    """
    Asked and liked questions appear. A marked source makes a pair, and so does one found by search.
    """
    page = admin("questions")
    expect(page.locator("#questions-table")).to_contain_text("Nobody has asked anything yet")
    chat = page.context.new_page()
    chat.goto(served.url)
    box, bots = chat.locator("#question textarea"), chat.locator("#chat [data-testid=bot]")
    for number, (text, answer) in enumerate(
        [(ABSENT, "Not in the documents"), (COST, "18 pounds")], 1
    ):
        expect(chat.locator("#question .submit-button")).to_be_visible()
        box.fill(text)
        box.press("Enter")
        expect(bots).to_have_count(number)
        expect(bots.last).to_contain_text(answer, timeout=LONG_S)
        expect(chat.locator("#chat [aria-label=Retry]").last).to_be_visible()
    chat.locator("#chat [aria-label=Like]").last.click()
    expect(chat.locator("#reason")).to_be_visible()
    chat.close()
    page.reload()
    asked = rows(page, "questions-table", COST)
    expect(asked).to_contain_text("liked")
    page.locator("#questions-which label", has_text="Found nothing").click()
    expect(asked).to_have_count(0)
    page.locator("#questions-which label", has_text="All").click()
    asked.locator("button.title").click()
    detail = page.locator("#question-detail")
    expect(detail).to_contain_text("18 pounds")
    page.locator("#teach-heldout").click()
    refusal = page.locator(".toast-body").last
    expect(refusal).to_contain_text("Mark a source first")
    refusal.locator("button").first.click()
    expect(page.locator(".toast-body")).to_have_count(0)
    detail.get_by_role("button", name="Right").first.click()
    expect(detail.locator(".source.right")).to_have_count(1)
    detail.get_by_role("button", name="Wrong").nth(1).click()
    expect(detail.locator(".source.wrong")).to_have_count(1)
    screenshot(page, images / "admin-questions.png")
    page.locator("#teach-wrong").click()
    expect(asked).to_contain_text("kept")
    find = page.locator("#question-find input, #question-find textarea")
    find.fill("the ferry terminal")
    find.press("Enter")
    expect(detail).to_contain_text("Building the terminal")


def test_a_source_marked_wrong_in_the_chat_is_reviewed_under_pairs(admin, served, tmp_path):
    """A reader's mark waits with the pairs of liked answers, and accepted it counts as learned from."""
    page = admin("pairs")
    chat = page.context.new_page()
    chat.goto(served.url)
    chat_page.asked(chat, COST)
    chat_page.citations(chat).first.click()
    chat.locator("#mark-wrong").click()
    expect(chat.locator("#marked")).to_contain_text("You marked this as the wrong source.")
    chat.close()
    page.locator("#pairs-source label", has_text="From votes and marks").click()
    expect(page.locator("#pairs-estimate")).to_contain_text("1 passage marked as wrong")
    page.locator("#pairs-generate").click()
    facts = page.locator("#pair-facts")
    page.locator("#pairs-search input, #pairs-search textarea").fill(COST)
    expect(facts).to_contain_text("wrong source", timeout=LONG_S)
    expect(facts).to_contain_text("A reader marked this passage as wrong for the question")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 860})
        shown_whole(page)
        screenshot(page, tmp_path / f"wrong-{width}.png")
    page.locator("#pair-accept").click()
    learned = re.compile(r"and from \d passages? marked as wrong")
    expect(page.locator("#pairs-counts")).to_contain_text(learned)


def test_screens_fit_a_phone(admin, served, images):
    """Nothing is wider than 390 pixels, in the dark too."""
    page = admin("overview", width=390, height=844, color_scheme="dark")
    for tab, settled in (
        ("documents", "#documents-table table"),
        ("pairs", "#pairs-counts .card"),
        ("questions", "#questions-table table"),
        ("overview", "#overview .card"),
    ):
        page.goto(f"{served.url}/admin/?tab={tab}")
        expect(page.locator(settled).first).to_be_visible()
        shown_whole(page)
        screenshot(page, images / f"admin-{tab}-phone.png")
    page.locator('a[href^="#tab-"]').first.click()
    expect(page.locator("#screens [role=tab][aria-selected=true]")).not_to_have_text("Overview")


def test_overview_tells_the_state_and_leads_on(admin, images):
    """Figures of what there is now, and suggestions that open the tab they are about."""
    page = admin("overview")
    overview = page.locator("#overview")
    expect(overview).to_contain_text("Questions, last 24 hours")
    expect(overview.locator(".card", has_text="Questions, last")).to_contain_text("2")
    expect(overview.locator(".card", has_text="Search time")).to_contain_text("ms")
    screenshot(page, images / "admin-overview.png")
    overview.locator("ul.next a").first.click()
    expect(page).not_to_have_url(re.compile(r"tab=overview"))


def test_what_others_do_appears_on_an_open_page(admin, served):
    """An idle page refreshes without any action on it."""
    page = admin("documents")
    late = served.home / "late.txt"
    late.write_text("The night ferry leaves Saltmere at ten. " * 8)
    assert served.run("ingest", str(late)).returncode == 0
    expect(rows(page, "documents-table", "late.txt")).to_have_count(1, timeout=LONG_S)


def test_a_tab_that_answers_late_does_not_stop_the_one_looked_at(admin, served):
    """The overview, first to be asked, answers last: the documents' screen looks on."""
    page = admin("documents")
    shown = page.locator("#documents-table tbody tr")
    with served.connection() as conn:
        conn.execute("lock table message in access exclusive mode")
        page.reload()
        expect(shown.first).to_be_visible()
    time.sleep(1)
    page.locator("#documents-search input, #documents-search textarea").fill("marina-rules")
    expect(shown).to_have_count(1)
