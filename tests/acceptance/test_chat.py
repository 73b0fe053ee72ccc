"""The chat as people use it: a real server, a real browser, and a scripted LLM."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests import scripted_chat
from tests.chat_page import (
    ask,
    asked,
    bot,
    box,
    citations,
    conversations,
    drawn,
    marked,
    panel,
    title,
    when_there,
)
from tests.fakes import ScriptedLLM
from tests.scripted_chat import ABSENT, BUSY, COST, HOSTILE, SLOW, SLOW_COST
from tests.serving import Served, screenshot

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def both(browser: Browser) -> Iterator[tuple[Served, ScriptedLLM]]:
    """A server, and the language model that it asks."""
    with scripted_chat.served() as opened:
        yield opened


@pytest.fixture(scope="module")
def served(both: tuple[Served, ScriptedLLM]) -> Served:
    """The server with two documents."""
    return both[0]


@pytest.fixture(scope="module")
def llm(both: tuple[Served, ScriptedLLM]) -> ScriptedLLM:
    """The model that the server asks."""
    return both[1]


@pytest.fixture
def visit(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the chat as a new visitor, and waits until it is there."""
    return lambda **options: when_there(visit(**options))


def test_answer_streams_and_its_citation_opens_the_passage(visit, images):
    """The answer grows before it is complete. [1] shows document, page and the marked sentence."""
    page = visit()
    expect(page.get_by_text("Ask your documents").first).to_be_visible()
    expect(page.locator("#chat .example").first).to_be_visible()
    screenshot(page, images / "chat-empty.png")
    ask(page, COST)
    expect(bot(page)).to_contain_text("Building the terminal")
    expect(citations(page)).to_have_count(1)
    expect(bot(page)).to_contain_text("4.2 million pounds")
    citations(page).click()
    expect(panel(page)).to_contain_text("harbour-report-2023.pdf")
    expect(panel(page)).to_contain_text(re.compile(r"Page \d"))
    expect(panel(page).locator("#passage")).to_contain_text("4.2 million pounds")
    expect(marked(page)).to_have_text(
        "Building the terminal cost 4.2 million pounds, of which the county paid a third."
    )
    expect(drawn(page)).to_be_visible()
    page.wait_for_timeout(400)  # the panel slides in
    screenshot(page, images / "chat-citation.png")


def test_streaming_shows_the_answer_while_it_is_written(visit):
    """The first words are visible long before the last one arrives."""
    page = visit()
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on")
    expect(page.locator("#question button")).to_be_visible()
    expect(bot(page)).not_to_contain_text("It goes on and on. " * 55)
    expect(bot(page)).to_contain_text("It goes on and on. " * 10)
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped")


@pytest.mark.long
def test_who_waits_is_told_why_and_can_read_the_sources(visit):
    """
    The hits, that the model is busy, and for how long. A source opens before the answer is
    complete.
    """
    page = visit()
    ask(page, BUSY)
    expect(bot(page)).to_contain_text(
        re.compile(r"Found \d passages. The language model is busy, trying again \(2 of 3\)")
    )
    page.locator("#chat a.source").first.click()
    expect(panel(page)).to_contain_text("harbour-report-2023.pdf")
    expect(panel(page).locator("#passage")).to_contain_text(
        re.compile("Orrin Island|Saltmere Harbour")
    )
    expect(page.locator("#mark-right")).to_be_hidden()
    expect(bot(page)).to_contain_text(re.compile(r"\(2 of 3\)… ([5-9]|\d\d) s"))
    expect(bot(page)).to_contain_text(re.compile(r"has been silent for ([5-9]|\d\d) s"))
    expect(citations(page)).to_have_text("[1]")
    expect(bot(page)).not_to_contain_text("silent")


def test_a_passage_opened_too_early_is_marked_when_the_answer_is_there(visit):
    """Its sentence is only known at the end. So is whether it may be judged."""
    page = visit()
    ask(page, SLOW_COST)
    expect(citations(page)).to_have_count(1)
    citations(page).click()
    expect(panel(page).locator("#passage")).to_contain_text("4.2 million pounds")
    expect(page.locator("#question .stop-button")).to_be_visible()
    expect(marked(page)).to_have_count(0)
    expect(marked(page)).to_contain_text("Building the terminal cost")
    expect(page.locator("#mark-right")).to_be_visible()


def test_a_passage_opened_in_the_moment_an_answer_ends_is_marked(visit):
    """The click is made while the answer is written, and reaches the server when it is stored."""
    page = visit()
    held: list[Route] = []

    def hold(route: Route) -> None:
        is_click = '"data":["0-1-' in (route.request.post_data or "").replace(" ", "")
        held.append(route) if is_click else route.continue_()

    page.route("**/gradio_api/queue/join*", hold)
    ask(page, SLOW_COST)
    expect(citations(page)).to_have_count(1)
    citations(page).click()
    expect(page.locator("#question .submit-button")).to_be_visible()
    expect(page.get_by_role("button", name="Copy message")).to_be_visible()
    assert len(held) == 1
    held[0].continue_()
    expect(marked(page)).to_contain_text("Building the terminal cost")
    expect(page.locator("#mark-right")).to_be_visible()


def test_what_is_typed_while_an_answer_comes_stays(visit):
    """The next question and a new title are not wiped by words that stream in, nor by the end."""
    page = visit()
    asked(page, COST)
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on")
    box(page).fill("And what does it cost?")
    title(page).fill("All about Saltmere")
    expect(bot(page)).to_contain_text("It goes on and on. " * 10)
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped before the end")
    expect(page.locator("#question .submit-button")).to_be_visible()
    expect(box(page)).to_have_value("And what does it cost?")
    expect(title(page)).to_have_value("All about Saltmere")


def test_enter_during_an_answer_sends_the_question_afterwards(visit):
    """Once, and only as it was when Enter was pressed."""
    page = visit()
    asked(page, COST)
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on")
    ask(page, "And what does it cost?")
    expect(box(page)).to_have_value("And what does it cost?")
    box(page).press("End")
    box(page).type(" Now?")  # it is not sent as it is, because it has changed
    box(page).press("Enter")
    page.locator("#question .stop-button").click()
    expect(page.locator("#chat [data-testid=user]")).to_have_count(3)
    expect(page.locator("#chat [data-testid=user]").last).to_contain_text("cost? Now?")
    expect(page.locator("#chat [data-testid=bot]")).to_have_count(3)
    expect(box(page)).to_have_value("")
    # The scripted model is slow again, because the conversation has the slow question.
    expect(bot(page)).to_contain_text("It goes on")
    ask(page, COST)
    box(page).fill("And what does it cost?")
    page.locator("#question .stop-button").click()
    expect(page.locator("#question .submit-button")).to_be_visible()
    page.wait_for_timeout(700)
    expect(box(page)).to_have_value("And what does it cost?")
    expect(page.locator("#chat [data-testid=user]")).to_have_count(3)


def test_a_question_sent_while_the_page_loads_keeps_its_answer(visit):
    """What the page first shows may come late, and does not take the answer's place."""
    page = visit()
    late: list[Route] = []
    is_late = True

    def delay(route: Route) -> None:
        """Let what the page first shows wait, and nothing else."""
        is_first = is_late and not any(route.request.post_data_json["data"])
        late.append(route) if is_first else route.continue_()

    page.route("**/queue/join*", delay)
    page.reload()
    expect(box(page)).to_be_visible()
    ask(page, COST)
    page.wait_for_timeout(1500)
    is_late = False
    for route in late:
        route.continue_()
    expect(citations(page).last).to_be_visible()
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible()
    page.wait_for_timeout(500)
    expect(conversations(page).first).to_have_class(re.compile("selected"))
    expect(page.locator("#chat [data-testid=user]")).to_contain_text("How much")
    expect(box(page)).to_have_value("")


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "light"), (390, 844, "dark")])
def test_a_deeper_look_shows_its_steps_and_can_be_stopped(visit, width, height, scheme):
    """
    It is asked for under an answer, whose place it takes. What was done is folded under it. Asked
    again, it looks deeper again.
    """
    page = visit(width=width, height=height, color_scheme=scheme)
    asked(page, COST)
    bot(page).get_by_role("link", name="Look deeper").click()
    expect(bot(page).locator("li")).to_contain_text(["Searched for “How much"])
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped.")
    page.locator("#chat [aria-label=Retry]").last.click()
    expect(bot(page)).to_contain_text("The terminal cost")
    expect(bot(page)).to_contain_text("Looked in 2 documents, 2 steps")
    page.reload()
    bot(page).get_by_text("Looked in 2 documents, 2 steps").click()
    expect(bot(page).locator("details.steps")).to_contain_text("Searched for “ferry”")
    expect(bot(page).get_by_role("link", name="Look deeper")).to_have_count(0)
    expect(bot(page).get_by_text("Earlier version")).to_be_visible()
    citations(page).first.click()
    expect(marked(page)).to_contain_text("4.2 million pounds")


def test_stop_keeps_what_came_and_retry_asks_again(visit):
    """A stopped answer stays, marked as stopped, also after a reload. Retry replaces it."""
    page = visit()
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on")
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped before the end")
    page.reload()
    expect(bot(page)).to_contain_text("Stopped before the end")
    page.locator("#chat [aria-label=Retry]").last.click()
    expect(bot(page)).not_to_contain_text("Stopped")
    expect(page.locator("#chat [data-testid=user]")).to_have_count(1)
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped")


def test_absent_answer_is_said_to_be_absent(visit, images):
    """No invention: it says so, and offers the nearest passages."""
    page = visit()
    asked(page, ABSENT)
    expect(bot(page)).to_contain_text("Not in the documents")
    expect(bot(page).locator("li")).to_have_count(3)
    screenshot(page, images / "chat-not-found.png")
    citations(page).first.click()
    expect(panel(page).locator("#passage")).not_to_be_empty()


def test_follow_up_is_understood_by_its_conversation(visit, llm):
    """The second question is searched as the model rewrote it."""
    page = visit()
    asked(page, COST)
    ask(page, "And how much did the county pay of it?")
    expect(citations(page)).to_have_count(2)
    assert "Saltmere's ferry terminal" in llm.prompt()


def test_documents_and_model_cannot_put_markup_on_the_page(visit):
    """Tags, images and script links are shown as what they are: text."""
    page = visit()
    asked(page, HOSTILE)
    assert page.locator("#chat .bot img, #chat .bot script").count() == 0
    links = page.locator("#chat .bot a")
    assert all(
        re.search(r"#(source-\d+-1|ask|deeper)$", link.get_attribute("href") or "")
        for link in links.all()
    )
    citations(page).first.click()
    expect(panel(page).locator("#passage")).to_contain_text("<script>")
    assert panel(page).locator("img, script").count() == 0
    expect(page).to_have_title(f"{HOSTILE} - Attune")


@pytest.mark.alone
def test_server_ends_within_five_seconds_and_comes_back_as_it_was(visit, served):
    """A running answer is stored as stopped, no process remains, and everything is still there."""
    page = visit()
    asked(page, COST)
    counts = "select (select count(*) from conversation), (select count(*) from document)"
    before = served.rows(counts)
    cookies = page.context.cookies()
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on")
    seconds, code = served.stop(signal.SIGTERM)
    assert seconds < 5
    assert code == 128 + signal.SIGTERM
    assert served.processes() == []
    served.environment.pop("OPENAI_BASE_URL")
    served.environment.pop("ATTUNE_LLM")
    served.start()
    assert served.rows(counts) == before
    again = visit()
    again.context.add_cookies(cookies)
    again.reload()
    expect(conversations(again)).to_have_count(1)
    conversations(again).first.click()
    expect(bot(again)).to_contain_text("Stopped before the end")
    again.get_by_role("button", name="New chat").click()
    expect(again.locator("#chat .example").first).to_be_visible()
    asked(again, COST)
    expect(bot(again)).to_contain_text("Extracts")
