"""Written answers in the chat: thinking, corrected citations, sentences without support, other forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import harbour
from tests.chat_page import bot
from tests.fakes import LLMCall, ScriptedLLM, scripted_llm
from tests.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.long]

COST = "How much did the ferry terminal cost?"
FOLLOW_UP = "And who is the harbour master?"
STANDING = "Who is the harbour master of Saltmere?"
INVENTED = "The mayor of Paris opened it with 500 guests in 1899."
HERRING = "How many tonnes did the herring fleet land?"
_refused: list[str] = []


def speak(call: LLMCall) -> None:
    """What the scripted model thinks and says, by its prompt."""
    prompt = call.body["messages"][-1]["content"]
    if HERRING in prompt and not _refused:
        _refused.append(HERRING)
        call.fail(401)
    elif HERRING in prompt:
        call.say("It landed 1,930 tonnes of herring [1].")
    elif not call.body.get("stream"):
        call.say(f"<think>They mean Saltmere.</think>{STANDING}")
    elif "Request: shorter" in prompt:
        call.say("4.2 million pounds [1].")
    elif STANDING in prompt:
        call.say("It is Edda Thorne.")
    else:
        thought = "<think>" + "Is it 4.2 million? " * 40 + "</think>"
        said = f"Building the terminal cost 4.2 million pounds [9]. {INVENTED}"
        call.say(f"{thought} {said}", pause_s=0.03)


@pytest.fixture(scope="module")
def llm() -> Iterator[ScriptedLLM]:
    """The model that the server asks."""
    with scripted_llm() as fake:
        fake.script = [speak]
        yield fake


@pytest.fixture(scope="module")
def served(browser: Browser, llm: ScriptedLLM) -> Iterator[Served]:
    """A server with two documents and a reasoning model."""
    with harbour.served(OPENAI_BASE_URL=llm.url, ATTUNE_LLM="scripted") as server:
        yield server


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat [data-testid=user]").last).to_contain_text(question)


def test_thinking_is_folded_while_it_lasts_and_gone_after_it(visit):
    """It opens by a click, stays open while it grows, and is no part of the answer."""
    page = visit()
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, COST)
    thinking = bot(page).locator(".thinking")
    expect(thinking.locator("summary")).to_be_visible()
    expect(thinking.locator("p")).to_be_hidden()
    thinking.locator("summary").click()
    expect(thinking.locator("p")).to_contain_text("Is it 4.2 million? " * 10)
    expect(thinking.locator("p")).to_be_visible()
    expect(bot(page)).to_contain_text("Building the terminal")
    expect(thinking).to_have_count(0)
    expect(bot(page)).not_to_contain_text("Is it 4.2 million?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_no_passage_supports_is_grey_and_a_wrong_number_is_corrected(visit, scheme):
    """[9] points at nothing: its sentence leads to the passage that says so. Also after a reload."""
    page = visit(color_scheme=scheme)
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, COST)
    expect(bot(page).locator(".unsupported")).to_have_text(INVENTED)
    page.reload()
    expect(bot(page).locator(".unsupported")).to_have_text(INVENTED)
    expect(bot(page)).to_contain_text("What is grey was not found in the passages.")
    bot(page).locator("a.citation").click()
    expect(page.locator(".sidebar.right #passage mark")).to_contain_text("4.2 million pounds")


def test_shorter_works_on_the_last_answer(visit, llm):
    """Nothing is searched, and the citation still opens its passage."""
    page = visit()
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, COST)
    expect(bot(page).locator("a.citation")).to_be_visible()
    expect(page.locator("#question .submit-button")).to_be_visible()
    ask(page, "shorter, please")
    expect(bot(page).locator("a.citation")).to_be_visible()
    expect(bot(page)).to_contain_text("4.2 million pounds")
    assert "Building the terminal cost 4.2 million pounds [1]." in llm.prompt()
    bot(page).locator("a.citation").click()
    expect(page.locator(".sidebar.right #passage")).to_contain_text("The ferry terminal opened")


def test_rewritten_question_and_missing_source_are_shown(visit):
    """ "Searched for" over the answer, and a badge on an answer that cites nothing."""
    page = visit()
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, COST)
    expect(bot(page).locator("a.citation")).to_be_visible()
    expect(page.locator("#question .submit-button")).to_be_visible()
    ask(page, FOLLOW_UP)
    expect(bot(page)).to_contain_text(f"Searched for: {STANDING}")
    expect(bot(page).locator(".label.uncited")).to_have_text("No source cited")


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "light"), (390, 844, "dark")])
def test_a_model_that_fails_leaves_the_documents_answer(visit, width, height, scheme):
    """With its sources, one line that says why, and the button that tries the model again."""
    _refused.clear()
    page = visit(width=width, height=height, color_scheme=scheme)
    expect(page.locator("#chat .example").first).to_be_visible()
    ask(page, HERRING)
    expect(bot(page).locator(".label.extracts")).to_be_visible()
    expect(bot(page)).to_contain_text("1,930 tonnes")
    expect(bot(page).locator(".note")).to_contain_text(
        "The language model scripted did not answer: it refused the key (401)."
    )
    expect(bot(page).locator(".note")).to_contain_text("This is what the documents say themselves.")
    bot(page).locator("a.citation").first.click()
    expect(page.locator(".sidebar.right #passage mark")).to_contain_text("1,930 tonnes")
    page.keyboard.press("Escape")
    page.reload()
    expect(bot(page).locator(".note")).to_contain_text("did not answer")
    page.locator("#chat [aria-label=Retry]").last.click()
    expect(bot(page)).to_contain_text("It landed 1,930 tonnes of herring")
    expect(bot(page).locator(".label.extracts")).to_have_count(0)
