"""Keys, language models and the API's description in a real browser, and keys used as programs do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.admin.page import SCREENS
from tests.chat_page import copied
from tests.fakes import scripted_llm
from tests.serving import Served, serving

pytestmark = [pytest.mark.browser, pytest.mark.long]

PASSWORD = "the-word-of-keys"
TOKEN = re.compile(r"attune-[\w-]{43}")


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    with serving(ATTUNE_ADMIN_PASSWORD=PASSWORD) as server:
        yield server


@pytest.fixture
def keys_tab(visit: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the tab of keys, signed in."""

    def opened(**options: Any) -> Page:
        page = visit("/login?next=/admin/%3Ftab%3Dkeys", **options)
        page.locator("input[type=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#key-make")).to_be_visible()
        return page

    return opened


def models(served, token):
    return httpx.get(
        f"{served.url}/v1/models", headers={"authorization": f"Bearer {token}"}, timeout=60
    )


def test_a_key_is_made_copied_used_and_revoked(keys_tab, served):
    """By mouse. What is copied is the key itself, and a revoked one opens nothing at once."""
    page = keys_tab(permissions=["clipboard-read", "clipboard-write"])
    page.locator("#key-name input, #key-name textarea").fill("reporting")
    page.locator("#key-make").click()
    shown = page.locator("#key-shown")
    token = shown.locator("code").first.inner_text()
    assert TOKEN.fullmatch(token)
    shown.get_by_role("button", name="Copy the key").click()
    copied(page, token)
    expect(shown.get_by_role("button", name="Copy the key")).to_have_text("Copied")
    shown.get_by_role("button", name="Copy the command").click()
    copied(page, f'curl -H "Authorization: Bearer {token}" {served.url}/v1/models')
    assert models(served, token).status_code == 200
    row = page.locator("#keys-list tbody tr", has_text="reporting")
    row.get_by_role("button", name="Revoke").click()
    expect(page.locator("#key-confirm")).to_contain_text(f"Revoke reporting (…{token[-4:]})?")
    page.locator("#key-no").click()
    assert models(served, token).status_code == 200
    row.get_by_role("button", name="Revoke").click()
    page.locator("#key-yes").click()
    expect(row).to_contain_text("revoked")
    expect(row.get_by_role("button")).to_have_count(0)
    assert models(served, token).status_code == 401


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_every_tab_can_be_reached_and_nothing_is_wider(keys_tab, scheme):
    page = keys_tab(width=390, height=844, color_scheme=scheme)
    for name, label, _ in SCREENS:
        tab = page.locator(f"#screen-{name}-button")
        expect(tab).to_have_count(1)
        expect(tab).to_have_text(label)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_description_of_the_api_can_be_read(visit, served, width):
    """Its example names this server, and every route stands in one part of the page."""
    page = visit("/api", width=width)
    expect(page.locator(".example pre")).to_contain_text(f"{served.url}/api/v1/ask")
    paths = httpx.get(f"{served.url}/api/v1.json", timeout=60).json()["paths"]
    assert page.locator("section.card").count() == sum(map(len, paths.values()))
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.locator("#jobs")).to_be_in_viewport()
    page.locator("section.card", has_text="/api/v1/ask").locator("summary").first.click()
    expect(
        page.locator("section.card", has_text="/api/v1/ask").locator("pre").first
    ).to_contain_text("question")
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_a_visitors_data_is_deleted_and_sessions_are_ended(visit, keys_tab):
    """After a yes. The admin who ends their own sessions is asked to sign in again."""
    guest = visit("/")
    box = guest.locator("textarea").first
    box.fill("How do I add documents?")
    box.press("Enter")
    expect(guest.locator("#conversations")).to_contain_text("How do I add")
    # What the page asks for once its session is over is refused.
    page = keys_tab(expects=("401", "Response", "stylesheet", "preload CSS"))
    page.goto(page.url.replace("tab=keys", "tab=people"))
    row = page.locator("#visitors-list tbody tr")
    expect(row).to_contain_text("1 conversation")
    row.get_by_role("button", name="Delete data").click()
    expect(page.locator("#people-confirm")).to_contain_text("1 conversation, 0 files")
    page.locator("#people-no").click()
    expect(page.locator("#people-confirm")).not_to_be_visible()
    row.get_by_role("button", name="Delete data").click()
    page.locator("#people-yes").click()
    expect(page.locator("#visitors-list")).to_contain_text("Nothing is stored of anybody")
    page.locator("#people-list").get_by_role("button", name="End sessions").click()
    page.locator("#people-yes").click()
    expect(page.get_by_role("alertdialog", name="Your session is over")).to_be_visible()
    page.goto(page.url)
    expect(page).to_have_url(re.compile("/login"))


def choosing(chat, served):
    """Several language models are a choice, which stays with its conversation."""
    chat.goto(served.url)
    choice = chat.get_by_label("Language model")
    expect(choice.locator("option")).to_have_text(["scripted", "another", "Quotes only"])
    choice.select_option("another")
    chat.locator("#question textarea").fill("Hello")
    chat.keyboard.press("Enter")
    expect(chat.locator("#conversations")).to_contain_text("Hello")
    expect(choice).to_have_value(re.compile(r"\d"))
    expect(choice.locator("option:checked")).to_have_text("another")
    chat.locator("#new-chat").click()
    expect(choice.locator("option:checked")).to_have_text("scripted")
    chat.locator("#conversations").get_by_text("Hello").click()
    expect(choice.locator("option:checked")).to_have_text("another")


def test_a_language_model_is_tried_saved_used_and_removed(keys_tab, served):
    """From a wrong address to a written answer in the chat, and back to quotes."""
    page = keys_tab()
    with scripted_llm() as llm:
        llm.script = [
            lambda call: call.fail(401),
            lambda call: call.say("Ready."),
            lambda call: call.say("Drop a file on the chat [1]."),
        ]
        page.goto(f"{served.url}/admin/?tab=llm")
        expect(page.locator("#llm-list")).to_contain_text("No language model is set up")
        field = lambda name: page.locator(f"#llm-{name} input, #llm-{name} textarea")  # noqa: E731
        field("address").fill("localhost:11434")
        field("model").fill("scripted")
        page.locator("#llm-save").click()
        expect(page.locator(".toast-body").first).to_contain_text("no address of a language model")
        field("address").fill(llm.url)
        field("key").fill("sk-wrong")
        page.locator("#llm-test").click()
        expect(page.locator("#llm-result .bad")).to_contain_text("refused the key (401)")
        field("key").fill("sk-right")
        page.locator("#llm-test").click()
        expect(page.locator("#llm-result .good")).to_contain_text("“Ready.”")
        page.locator("#llm-save").click()
        row = page.locator("#llm-list tbody tr")
        expect(row).to_contain_text("kept")
        expect(field("key")).to_have_value("")
        assert "sk-right" not in page.content()
        chat = page.context.new_page()
        chat.goto(f"{served.url}/?help")
        chat.locator("#question textarea").fill("How do I add documents?")
        chat.keyboard.press("Enter")
        expect(chat.locator("#chat .bot").last).to_contain_text("Drop a file on the chat")
        page.locator("#llm-new").click()
        expect(field("model")).to_have_value("")
        field("address").fill(llm.url)
        field("model").fill("another")
        page.locator("#llm-save").click()
        expect(row).to_have_count(2)
        choosing(page.context.new_page(), served)
        for left in (1, 0):
            page.locator("#llm-remove").click()
            page.locator("#llm-yes").click()
            expect(row).to_have_count(left)
            if left:
                row.first.click()
        expect(page.locator("#llm-list")).to_contain_text("No language model is set up")
        chat.locator("#question textarea").fill("How do I add documents from a folder?")
        chat.keyboard.press("Enter")
        expect(chat.locator("#chat .bot").last).to_contain_text("Extracts")
        assert {sent["authorization"] for sent in llm.headers} == {
            "Bearer sk-wrong", "Bearer sk-right"
        }  # fmt: skip


@pytest.mark.parametrize("width", [1280, 390])
def test_instructions_are_changed_tried_and_put_back(keys_tab, served, width):
    """What is missing is said in a sentence, and nothing is saved then."""
    page = keys_tab(width=width)
    with scripted_llm() as llm:
        llm.script = [lambda call: call.say("Drop a file on the chat [1].")]
        page.goto(f"{served.url}/admin/?tab=llm")
        field = lambda name: page.locator(f"#llm-{name} input, #llm-{name} textarea")  # noqa: E731
        expect(page.locator("#llm-list")).to_contain_text("No language model is set up")
        field("address").fill(llm.url)
        field("model").fill("scripted")
        page.locator("#llm-save").click()
        expect(page.locator("#llm-list tbody tr")).to_have_count(1)
        page.locator("#prompt").get_by_role("button", name="Instructions").click()
        text, state = page.locator("#prompt-text textarea"), page.locator("#prompt-state")
        expect(text).to_have_value(re.compile("^You answer questions from numbered passages"))
        expect(state).to_contain_text("default")
        expect(page.locator("#prompt-placeholders")).to_contain_text("{{ fence }}")
        default = text.input_value()
        text.fill(default.replace("{{ passages }}", ""))
        page.locator("#prompt-save").click()
        expect(page.locator(".toast-body").last).to_contain_text("{{ passages }} is missing")
        expect(state).to_contain_text("default")
        text.fill(default.replace("Be short and direct.", "Speak like a sailor."))
        page.locator("#prompt-question textarea").fill("How do I add documents?")
        page.locator("#prompt-test").click()
        expect(page.locator("#prompt-result")).to_contain_text(
            re.compile("Drop a file on the chat|not answer this question")
        )
        page.locator("#prompt-save").click()
        expect(state).to_contain_text("changed")
        page.get_by_label("Deeper looks", exact=True).click()
        expect(text).to_have_value(re.compile("search_documents"))
        page.get_by_label("Answers", exact=True).click()
        expect(text).to_have_value(re.compile("Speak like a sailor."))
        chat = page.context.new_page()
        chat.goto(f"{served.url}/?help")
        chat.locator("#question textarea").fill("How do I add documents?")
        chat.keyboard.press("Enter")
        expect(chat.locator("#chat .bot").last).to_contain_text("Drop a file on the chat")
        assert "Speak like a sailor." in str(llm.requests[-1])
        page.locator("#prompt-reset").click()
        expect(state).to_contain_text("default")
        expect(text).to_have_value(default)
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        page.locator("#llm-list tbody tr").click()
        page.locator("#llm-remove").click()
        page.locator("#llm-yes").click()
        expect(page.locator("#llm-list")).to_contain_text("No language model is set up")
