"""Conversations in the browser: kept, found again, saved, judged, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import harbour
from tests.chat_page import asked, bot, citations, conversations, copied, title
from tests.fakes import scripted_llm
from tests.serving import Served

pytestmark = pytest.mark.browser

COST = "How much did the ferry terminal cost?"
COST_ANSWER = "Building the terminal cost 4.2 million pounds, a third of it paid by the county [1]."


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server with two documents, and a language model with one answer."""
    with scripted_llm() as llm:
        llm.script = [lambda call: call.say(COST_ANSWER)]
        with harbour.served(OPENAI_BASE_URL=llm.url, ATTUNE_LLM="scripted") as server:
            yield server


def test_conversations_are_reopened_renamed_deleted_and_brought_back(visit):
    """The list on the left survives a reload. A delete can be undone."""
    page = visit()
    asked(page, COST)
    page.reload()
    expect(bot(page)).to_contain_text("4.2 million pounds")
    expect(citations(page)).to_have_count(1)
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("#chat .example").first).to_be_visible()
    conversations(page).first.click()
    expect(bot(page)).to_contain_text("4.2 million pounds")
    title(page).fill("The ferry")
    page.get_by_role("button", name="Rename").click()
    expect(conversations(page).first).to_contain_text("The ferry")
    expect(page).to_have_title("The ferry - Attune")
    expect(conversations(page).first).to_have_attribute("data-heading", "Today")
    page.get_by_role("searchbox", name="Search chats").fill("harbour master")
    expect(conversations(page).first).to_be_hidden()
    page.get_by_role("searchbox", name="Search chats").fill("FERRY")
    expect(conversations(page).first).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(conversations(page)).to_have_count(0)
    page.get_by_role("button", name="Undo delete").click()
    expect(conversations(page).first).to_contain_text("The ferry")
    expect(bot(page)).to_contain_text("4.2 million pounds")


def test_conversation_is_saved_as_text_and_as_json(visit):
    """Both files contain question, answer and the cited passage."""
    page = visit()
    asked(page, COST)
    texts = []
    for name in ("Save as text", "Save as JSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).click()
        texts.append(Path(download.value.path()).read_text(encoding="utf-8"))
    markdown, data = texts[0], json.loads(texts[1])
    assert "## How much did the ferry terminal cost?" in markdown
    assert "> " in markdown
    assert [message["role"] for message in data["messages"]] == ["user", "assistant"]
    assert "Building the terminal cost" in data["messages"][1]["shown"][0]["text"]


def test_vote_is_stored_with_reason_answer_and_version(visit, served):
    """What a later look at the feedback needs is in one row."""
    page = visit()
    asked(page, COST)
    page.locator("#chat [aria-label=Dislike]").last.click()
    page.locator("#reason input, #reason textarea").fill("The county's part is missing")
    page.locator("#send-reason").click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    found = served.rows(
        "select f.verdict, m.text, m.model_name, jsonb_array_length(m.shown) > 0, m.epoch"
        " from feedback f join message m on m.id = f.message_id"
        " where f.reason = 'The county''s part is missing'",
    )
    assert set(found) == {("dislike", COST_ANSWER, "base", True, 1)}


def test_copy_takes_the_answer_as_it_reads(visit):
    """No link syntax, no escaped signs."""
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    asked(page, COST)
    page.locator("#chat [aria-label='Copy message']").last.click()
    copied(page, COST_ANSWER)


def test_nobody_reads_what_another_visitor_asked(visit, served):
    """The list is empty for them, and the address of a conversation gives nothing."""
    owner, stranger = visit(), visit()
    asked(owner, COST)
    (conversation,) = served.rows("select id from conversation order by created_at desc limit 1")
    address = f"{served.url}/conversations/{conversation[0]}.json"
    assert owner.request.get(address).status == 200
    assert stranger.request.get(address).status == 404
    expect(owner).to_have_title(f"{COST} - Attune")
    stranger.goto(f"{served.url}/?chat={conversation[0]}")
    expect(stranger.get_by_text("This conversation belongs to another browser")).to_be_visible()
    expect(stranger.locator("#chat .example").first).to_be_visible()
    expect(conversations(stranger)).to_have_count(0)
    (cookie,) = owner.context.cookies()
    assert cookie["httpOnly"]
