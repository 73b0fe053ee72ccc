"""The chat as people use it: a real server, a real browser, and a scripted LLM."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests import harbour
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
)
from tests.fakes import LLMCall, ScriptedLLM, scripted_llm
from tests.serving import Served, screenshot

pytestmark = pytest.mark.browser

COST = "How much did the ferry terminal cost?"
COST_ANSWER = "Building the terminal cost 4.2 million pounds, a third of it paid by the county [1]."
SLOW_COST = "What did the ferry terminal cost, told slowly?"
SLOW = "Tell me everything about Saltmere, slowly"
BUSY = "Which ferries leave the harbour of Saltmere?"
ABSENT = "What is the boiling point of mercury?"
HOSTILE = "What is the tariff of the dry dock?"
HOSTILE_ANSWER = (
    'See <img src="http://203.0.113.9/a.png" onerror="document.title=1"> '
    "![ship](http://203.0.113.9/b.png) [here](javascript:document.title=1) "
    "<script>document.title=1</script> http://203.0.113.9/c [1]."
)


def speak(call: LLMCall) -> None:
    """What the scripted model says, by the question at the end of its prompt."""
    prompt = call.body["messages"][-1]["content"]
    if not call.body.get("stream"):
        call.say(SLOW if SLOW in prompt else "How much did Saltmere's ferry terminal cost?")
    elif call.body.get("tools"):
        _look(call)
    elif SLOW in prompt:
        call.say("Saltmere is a harbour [1]. " + "It goes on and on. " * 200, pause_s=0.1)
    elif SLOW_COST in prompt:
        call.say(COST_ANSWER + " It was money well spent." * 10, pause_s=0.2)
    elif BUSY in prompt:
        _hesitate(call)
    elif ABSENT in prompt:
        call.say("NOT IN THE DOCUMENTS")
    elif HOSTILE in prompt:
        call.say(HOSTILE_ANSWER)
    else:
        call.say(COST_ANSWER, pause_s=0.03)


_looks: list[str] = []


def _look(call: LLMCall) -> None:
    """The first of two looks begins and does not end. The second searches and then answers."""
    if call.body["messages"][-1]["role"] == "tool":
        passages = " ".join(call.body["messages"][1]["content"].split()).split("<passage-")
        (cost,) = (passage for passage in passages if "4.2 million" in passage)
        number = re.search(r'number="(\d+)"', cost)[1]
        call.say(f"The terminal cost 4.2 million pounds [{number}].", pause_s=0.1)
        return
    _looks.append("begun")
    if len(_looks) % 2 == 0:
        call.call_tools(("search_documents", {"query": "ferry"}))
        return
    call.begin()
    for _ in range(600):
        call.raw(b": thinking\n\n")
        time.sleep(0.1)


_refused: list[str] = []


def _hesitate(call: LLMCall) -> None:
    """Is busy at first, falls silent after some words, and ends."""
    if not _refused:
        _refused.append(BUSY)
        call.fail(429, retry_after="8")
        return
    call.begin()
    call.piece({"delta": {"content": "Ferries to Orrin Island "}})
    time.sleep(8)
    call.piece({"delta": {"content": "leave every 40 minutes [1]."}, "finish_reason": "stop"})
    call.raw(b"data: [DONE]\n\n")
    call.raw(b"")


@pytest.fixture(scope="module")
def llm() -> Iterator[ScriptedLLM]:
    """The model that the server asks."""
    with scripted_llm() as fake:
        fake.script = [speak]
        yield fake


@pytest.fixture(scope="module")
def served(browser: Browser, llm: ScriptedLLM) -> Iterator[Served]:
    """A server that has begun with nothing, and been given two documents while it ran."""
    with harbour.served(OPENAI_BASE_URL=llm.url, ATTUNE_LLM="scripted") as server:
        yield server


@pytest.fixture
def visit(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the chat as a new visitor, and waits until it is there."""

    def opened(**options: Any) -> Page:
        page = visit(**options)
        expect(page.locator("#chat .example").first).to_be_visible()
        return page

    return opened


def in_view(page: Page) -> bool:
    """Whether the last question, the beginning of its answer and the composer can be seen."""
    return bool(
        page.evaluate("""() => {
            const box = (selector) => [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect();
            const question = box("#chat .user-row"), answer = box("#chat .bot-row");
            const composer = box("#question");
            return question.top >= 0 && question.bottom < answer.top
                && answer.top + 24 <= composer.top && composer.bottom <= window.innerHeight
                && document.documentElement.scrollHeight <= window.innerHeight;
        }""")
    )


def pane(page: Page) -> Locator:
    """What scrolls."""
    return page.locator("#chat .bubble-wrap")


def test_answer_streams_and_its_citation_opens_the_passage(visit, images):
    """The answer grows before it is complete. [1] shows document, page and the marked sentence."""
    page = visit()
    expect(page.get_by_text("Ask your documents").first).to_be_visible()
    expect(page.locator("#chat .example").first).to_be_visible()
    screenshot(page, images / "chat-empty.png")
    ask(page, COST)
    expect(bot(page)).to_contain_text("Building the terminal", timeout=20_000)
    expect(citations(page)).to_have_count(1, timeout=20_000)
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
    expect(bot(page)).to_contain_text("It goes on", timeout=20_000)
    expect(page.locator("#question button")).to_be_visible()
    expect(bot(page)).not_to_contain_text("It goes on and on. " * 55)
    expect(bot(page)).to_contain_text("It goes on and on. " * 10)
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped")


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
    expect(bot(page)).to_contain_text(re.compile(r"\(2 of 3\)… [5-9] s"))
    expect(bot(page)).to_contain_text(re.compile(r"has been silent for [5-9] s"))
    expect(citations(page)).to_have_text("[1]")
    expect(bot(page)).not_to_contain_text("silent")


def test_a_passage_opened_too_early_is_marked_when_the_answer_is_there(visit):
    """Its sentence is only known at the end. So is whether it may be judged."""
    page = visit()
    ask(page, SLOW_COST)
    expect(citations(page)).to_have_count(1, timeout=20_000)
    citations(page).click()
    expect(panel(page).locator("#passage")).to_contain_text("4.2 million pounds")
    expect(page.locator("#question .stop-button")).to_be_visible()
    expect(marked(page)).to_have_count(0)
    expect(marked(page)).to_contain_text("Building the terminal cost", timeout=30_000)
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
    expect(citations(page)).to_have_count(1, timeout=20_000)
    citations(page).click()
    expect(page.locator("#question .submit-button")).to_be_visible(timeout=30_000)
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
    expect(bot(page)).to_contain_text("It goes on", timeout=20_000)
    box(page).fill("And what does it cost?")
    title(page).fill("All about Saltmere")
    expect(bot(page)).to_contain_text("It goes on and on. " * 10)
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped before the end")
    expect(page.locator("#question .submit-button")).to_be_visible()
    assert box(page).input_value() == "And what does it cost?"
    assert title(page).input_value() == "All about Saltmere"


def test_enter_during_an_answer_sends_the_question_afterwards(visit):
    """Once, and only as it was when Enter was pressed."""
    page = visit()
    asked(page, COST)
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on", timeout=20_000)
    ask(page, "And what does it cost?")
    expect(box(page)).to_have_value("And what does it cost?")
    box(page).press("End")
    box(page).type(" Now?")  # it is not sent as it is, because it has changed
    box(page).press("Enter")
    page.locator("#question .stop-button").click()
    expect(page.locator("#chat [data-testid=user]")).to_have_count(3, timeout=20_000)
    expect(page.locator("#chat [data-testid=user]").last).to_contain_text("cost? Now?")
    expect(page.locator("#chat [data-testid=bot]")).to_have_count(3)
    expect(box(page)).to_have_value("")
    # The scripted model is slow again, because the conversation has the slow question.
    expect(bot(page)).to_contain_text("It goes on", timeout=20_000)
    ask(page, COST)
    box(page).fill("And what does it cost?")
    page.locator("#question .stop-button").click()
    expect(page.locator("#question .submit-button")).to_be_visible(timeout=20_000)
    page.wait_for_timeout(700)
    expect(box(page)).to_have_value("And what does it cost?")
    expect(page.locator("#chat [data-testid=user]")).to_have_count(3)


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


def test_who_scrolls_up_is_left_alone_and_finds_the_way_back(visit):
    """While a long answer comes: Stop is in reach, the place read stays, one click leads to the end."""
    page = visit(height=400)
    for number in range(1, 4):
        ask(page, f"{COST} ({number})")
        expect(citations(page)).to_have_count(number)
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on", timeout=20_000)
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


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "light"), (390, 844, "dark")])
def test_a_deeper_look_shows_its_steps_and_can_be_stopped(visit, width, height, scheme):
    """
    It is asked for under an answer, whose place it takes. What was done is folded under it. Asked
    again, it looks deeper again.
    """
    page = visit(width=width, height=height, color_scheme=scheme)
    asked(page, COST)
    bot(page).get_by_role("link", name="Look deeper").click()
    expect(bot(page).locator("li")).to_contain_text(["Searched for “How much"], timeout=20_000)
    page.locator("#question .stop-button").click()
    expect(bot(page)).to_contain_text("Stopped.")
    page.locator("#chat [aria-label=Retry]").last.click()
    expect(bot(page)).to_contain_text("The terminal cost", timeout=30_000)
    expect(bot(page)).to_contain_text("Looked in 2 documents, 2 steps", timeout=30_000)
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
    expect(bot(page)).to_contain_text("It goes on", timeout=20_000)
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
    expect(citations(page)).to_have_count(2, timeout=20_000)
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
    assert page.title() == f"{HOSTILE} - Attune"


def test_keyboard_alone_is_enough(visit):
    """Enter sends, Shift+Enter breaks the line, Tab reaches the citation, Escape closes its panel."""
    page = visit()
    expect(box(page)).to_be_focused()
    page.keyboard.type("How much did the ferry")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("terminal cost?")
    assert "\n" in box(page).input_value()
    page.keyboard.press("Enter")
    expect(citations(page)).to_have_count(1, timeout=20_000)
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


def test_server_ends_within_five_seconds_and_comes_back_as_it_was(visit, served):
    """A running answer is stored as stopped, no process remains, and everything is still there."""
    page = visit()
    asked(page, COST)
    counts = "select (select count(*) from conversation), (select count(*) from document)"
    before = served.rows(counts)
    cookies = page.context.cookies()
    ask(page, SLOW)
    expect(bot(page)).to_contain_text("It goes on", timeout=20_000)
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
