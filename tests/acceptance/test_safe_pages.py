"""
Pages in a real browser: signing in and out, hostile texts wherever texts are shown, and whether
people who cannot see or point can use them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PageTimeout

from app.access.visitor import COOKIE
from pipelines.store import chats
from pipelines.store.chats import Shown
from pipelines.store.embedded import EmbeddedPostgres
from tests.fakes import LLMCall, scripted_llm
from tests.markdown_forms import FORMS
from tests.payloads import FAR, PAYLOADS
from tests.serving import Served, screenshot, serving

pytestmark = [pytest.mark.browser, pytest.mark.long]

PASSWORD = "a long password"
# Called by payloads. If a policy stopped something, it had got into the page.
WATCH = """
window.hits = [];
window.hit = (n) => window.hits.push(n);
window.alert = window.confirm = window.prompt = () => window.hits.push("dialog");
document.addEventListener("securitypolicyviolation", (e) => window.hits.push(e.blockedURI));
"""
# Payloads in one document or message.
AT_ONCE = 5
AXE = "axe-core@4"


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server whose documents, names and language model are all hostile."""
    with scripted_llm() as llm:
        llm.script = [_speak]
        with serving(
            documents=_write,
            OPENAI_BASE_URL=llm.url,
            ATTUNE_LLM="scripted",
            ATTUNE_ADMIN_PASSWORD=PASSWORD,
        ) as server:
            yield server


def _speak(call: LLMCall) -> None:
    """Says every payload at once."""
    call.say("It moors boats [1] [2]. " + " ".join(PAYLOADS))


def _write(folder: Path) -> list[Path]:
    """Documents that carry the payloads as name, heading and text, of three kinds."""
    paths = []
    for number in range(0, len(PAYLOADS), AT_ONCE):
        some = PAYLOADS[number : number + AT_ONCE]
        line = " ".join(some).replace("\n", " ").replace("\0", "")
        path = folder / f"{number} {line.replace('/', '∕')[:100]}.md"
        text = "\n\n".join(some)
        path.write_text(f"# Mooring {line}\n\nThe harbour of Saltmere moors boats. {text}\n")
        paths.append(path)
    page = folder / "all.html"
    page.write_text("<h1>Saltmere</h1><p>Its harbour.</p>" + "\n".join(PAYLOADS))
    table = folder / "all.csv"
    table.write_text("harbour,text\n" + "".join(f"Saltmere,{p!r}\n" for p in PAYLOADS))
    return [*paths, page, table]


@dataclass
class Watched:
    """A page, and what it should not have done."""

    page: Page
    strangers: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def harm(self) -> list[Any]:
        """Scripts that ran and requests that left, in all frames."""
        hits = [hit for frame in self.page.frames for hit in frame.evaluate("window.hits || []")]
        return [*hits, *self.strangers, *self.dialogs]


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Callable[..., Watched]]:
    """Opens a page as a new visitor and watches it."""
    contexts: list[BrowserContext] = []

    def opened(path: str = "/", *, signed_in: bool = False, **options: Any) -> Watched:
        size = {"width": options.pop("width", 1280), "height": 800}
        context = browser.new_context(viewport=size, **options)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        watched = Watched(page)
        own = (served.url, "data:", "blob:", "about:")
        context.on(
            "request",
            lambda r: None if r.url.startswith(own) else watched.strangers.append(r.url),
        )
        page.on("dialog", lambda d: (watched.dialogs.append(d.message), d.dismiss()))
        if signed_in:
            page.goto(f"{served.url}/login?next=/admin")
            _sign_in(page)
        page.goto(served.url + path)
        return watched

    yield opened
    for context in contexts:
        context.close()


def _sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def _chat_is_there(page: Page) -> None:
    expect(page.locator("#question textarea")).to_be_visible()
    expect(page.locator("#account a").first).to_be_visible()


def test_from_the_chat_to_the_admin_pages_and_out_again(visit, served, images):
    """
    A small link leads to the login page. A wrong password is reported. Signing out leads back.
    """
    page = visit().page
    _chat_is_there(page)
    page.get_by_role("link", name="Admin").click()
    expect(page.get_by_role("heading", name="Administer Attune")).to_be_visible()
    screenshot(page, images / "login.png")
    _sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("not right")
    _sign_in(page)
    expect(page.locator("#screens, #top").first).to_be_visible()
    assert page.url.startswith(f"{served.url}/admin")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="signed out")).to_be_visible()
    page.get_by_role("link", name="Go to the chat").click()
    _chat_is_there(page)


@pytest.mark.parametrize(
    "options", [{"color_scheme": "dark"}, {"width": 390}], ids=["dark", "phone"]
)
def test_login_page_fits(visit, images, request, options):
    """Nothing is cut off on a phone. It is dark where the system is."""
    page = visit("/login?next=/admin", **options).page
    expect(page.get_by_label("Password")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(248, 250, 252)") == ("width" in options)
    screenshot(page, images / f"login-{request.node.callspec.id}.png")


def test_a_session_that_ends_while_its_page_is_open_shows_the_way_back(visit, served):
    """The page says so at the next thing it asks for, and leads back to where one was."""
    page = visit("/admin/?tab=overview", signed_in=True).page
    expect(page.locator("#screens")).to_be_visible()
    with _database(served) as conn:
        conn.execute("delete from login_session")
    page.evaluate("fetch('/admin/config')")
    notice = page.get_by_role("alertdialog")
    expect(notice).to_contain_text("Your session is over")
    notice.get_by_role("link").click()
    _sign_in(page)
    expect(page.locator("#screens")).to_be_visible()
    assert "tab=overview" in page.url


def _database(served: Served) -> Any:
    server = EmbeddedPostgres(served.home / "db")
    with server as running:
        return psycopg.connect(running.dsn, autocommit=True)


def test_the_watch_notices_what_it_watches_for(visit):
    """The harness itself: a payload put into the page as markup is found out, and so is a fetch."""
    for planted, found in (
        ('<img src="x" onerror="hit(7)">', 7),
        (f'<img src="{FAR}/7.png">', FAR),
    ):
        watched = visit("/healthz")
        watched.page.evaluate("(html) => { document.body.innerHTML = html }", planted)
        deadline = time.monotonic() + 60
        while not any(str(found) in str(harm) for harm in watched.harm()):
            assert time.monotonic() < deadline, planted
            watched.page.wait_for_timeout(100)


def test_hostile_conversations_are_shown_as_text(visit, served):
    """
    Stored questions, answers, titles, headings and passages, with each citation opened.

    Only citations have an address, nothing sends a request, and signed-in people stay signed in.
    """
    forms = [form.encode(errors="replace").decode() for form in FORMS]
    texts = [*PAYLOADS, *map("\n\n".join, batched(forms, AT_ONCE))]
    watched = visit("/admin/", signed_in=True)
    page = watched.page
    page.goto(served.url)
    _chat_is_there(page)
    conversation = _tell(served, page, texts)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(served.url)))
    page.goto(f"{served.url}/?chat={conversation}")
    expect(page.locator("#chat [data-testid=bot]")).to_have_count(len(texts), timeout=60_000)
    expect(page.locator("#chat [data-testid=bot]").last.locator(".citation").last).to_be_visible()
    assert _addressed(page, "#chat") == []
    assert page.locator("#chat a.deeper").count() == 1
    for number in range(len(texts)):
        page.evaluate(
            "(n) => [...document.querySelectorAll('#chat [data-testid=bot]')[n]"
            ".querySelectorAll('a.citation')].at(-1).click()",
            number,
        )
        expect(page.locator("#details")).to_contain_text(f"Title {number}:")
        expect(page.locator("#passage mark").first).to_contain_text("support")
        assert _addressed(page, "#passages") == [], texts[number]
    assert watched.harm() == []
    assert [path for path in asked if "logout" in path or path.startswith(("/x", "/a."))] == []
    assert page.goto(f"{served.url}/admin/").url.startswith(f"{served.url}/admin")


def _addressed(page: Page, where: str) -> list[str]:
    """What has an address, a handler or a drawing of its own, and is not a citation, Gradio's or the last answer's."""
    return page.evaluate(
        """(where) => [...document.querySelectorAll(
            `${where} :is([data-testid=bot], [data-testid=user], #passage, #details) .md *`)]
          .filter((node) => !node.matches(':is(a.citation[href^="#source-"], a.show-source[href^="#page-"], a.deeper[href="#deeper"]):not([src])'))
          .filter((node) => [...node.attributes].some(({ name }) =>
            /^on|^(src|href|srcset|style|action|formaction|poster|data|background|xlink:href)$/.test(name))
            || /^(img|iframe|object|embed|form|svg|math|style|link|meta|base|input|video|audio)$/
              .test(node.localName))
          .map((node) => node.outerHTML.slice(0, 200))""",
        where,
    )


def batched(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[at : at + size] for at in range(0, len(texts), size))


def _tell(served: Served, page: Page, texts: Sequence[str] = PAYLOADS) -> str:
    """Put a turn for each text into a conversation of the page's visitor."""
    token = next(c["value"] for c in page.context.cookies() if c["name"] == COOKIE)
    visitor = hashlib.sha256(token.encode()).hexdigest()[:32]
    with _database(served) as conn:
        conversation = chats.start(conn, visitor, PAYLOADS[1])
        for number, raw in enumerate(texts):
            text = raw.replace("\0", "")
            shown = Shown(
                1, 1, 1, f"Title {number}: {text}", None, text, f"{text} support. {text}",
                (len(text) + 1, len(text) + 9), 0.5, True,
            )  # fmt: skip
            chats.add(conn, conversation, role="user", text=text)
            chats.add(
                conn, conversation, role="assistant", text=f"{text}\n\nSo it is [1]", kind="llm",
                shown=[shown], note=text,
            )  # fmt: skip
    return str(conversation)


def test_a_hostile_model_and_hostile_documents_answer_live(visit):
    """The stream, before it is whole, is as tame as what is stored."""
    watched = visit()
    page = watched.page
    _chat_is_there(page)
    for question in ("Which boats does the harbour of Saltmere moor? " + PAYLOADS[1], PAYLOADS[0]):
        page.locator("#question textarea").fill(question)
        page.locator("#question textarea").press("Enter")
        expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible(timeout=60_000)
        page.wait_for_timeout(500)
    assert watched.harm() == []


def test_admin_screens_show_hostile_names_as_text(visit, served):
    """Every tab, after it has been looked at and all that it can open was opened."""
    asker = visit()
    _chat_is_there(asker.page)
    _tell(served, asker.page)
    made = served.run("pairs", "generate", "--with", "offline", "--json")
    assert json.loads(made.stdout)["stored"], made.stderr
    watched = visit("/admin/", signed_in=True)
    page = watched.page
    tabs = page.get_by_role("tab")
    expect(tabs.first).to_be_visible()
    for number in range(tabs.count()):
        tabs.nth(number).click()
        page.wait_for_timeout(1_500)
        name = tabs.nth(number).inner_text()
        if name in OPENED:
            assert "hit(" in OPENED[name](page), name
        assert watched.harm() == [], name


def _open_documents(page: Page) -> str:
    """Open every document's passages and return what was shown."""
    return _open_each(page, "documents-table", "#document-preview")


def _open_questions(page: Page) -> str:
    """Every question with its answer and sources, on all pages of the list."""
    said = _open_each(page, "questions-table", "#question-detail")
    while page.locator("#questions-after").is_enabled():
        page.locator("#questions-after").click()
        page.wait_for_timeout(1_000)
        said += _open_each(page, "questions-table", "#question-detail")
    return said


def _open_each(page: Page, table: str, detail: str) -> str:
    said = ""
    titles = page.locator(f"#{table} button.title")
    expect(titles.first).to_be_visible()
    number = 0
    while number < titles.count():  # a look at the list may change it meanwhile
        before = _shown(page, detail)
        # By script: what a name or a passage lays over the page must not stop the walk.
        titles.nth(number).evaluate("button => button.click()")
        _wait_for_another(page, detail, before)
        _unfold(page)
        said += page.locator(detail).inner_text()
        number += 1
    return said


def _shown(page: Page, where: str) -> str:
    """The text of an element, which may not be there yet."""
    return page.evaluate("where => document.querySelector(where)?.innerText ?? ''", where)


def _wait_for_another(page: Page, detail: str, before: str) -> None:
    """Wait until something else is shown. Two rows may show the same."""
    with suppress(PageTimeout):
        page.wait_for_function(
            "([where, before]) => document.querySelector(where)?.innerText !== before",
            arg=[detail, before],
            timeout=1_000,
        )


def _open_pairs(page: Page) -> str:
    """Pairs of every status, one after the other, and the counts."""
    page.get_by_role("button", name="All pairs by source").click()
    said = ""
    for status in ("To review", "Accepted", "Rejected"):
        page.locator("#pairs-status label", has_text=status).click()
        page.wait_for_timeout(1_000)
        for _ in range(PAIRS_SEEN):
            passage = _shown(page, "#pair-passage")
            said += passage
            page.locator("#pair-next").click()
            _wait_for_another(page, "#pair-passage", passage)
    return said


def _unfold(page: Page) -> None:
    """Open whatever is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.wait_for_timeout(100)


# What is opened on a tab, in addition to what it shows first.
OPENED: dict[str, Callable[[Page], str]] = {
    "Documents": _open_documents,
    "Pairs": _open_pairs,
    "Questions": _open_questions,
}
PAIRS_SEEN = 20


@pytest.fixture(scope="module")
def axe(request: pytest.FixtureRequest) -> str:
    """axe-core's script, fetched once. Tests are skipped without it."""
    folder = request.config.cache.mkdir("axe")
    script = folder / "node_modules/axe-core/axe.min.js"
    if not script.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("accessibility is left out: npm is not installed")
        command = [npm, "install", "--silent", "--no-save", "--prefix", str(folder), AXE]
        if subprocess.run(command, timeout=120, check=False).returncode != 0:
            pytest.skip(f"accessibility is left out: npm cannot fetch {AXE}")
    return script.read_text(encoding="utf-8")


def _violations(page: Page, axe: str) -> list[str]:
    """What axe finds, element by element."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['impact']} {violation['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
        for violation in found["violations"]
        if violation["impact"] != "minor"
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_chat_and_login_can_be_used_by_everybody(visit, axe, scheme):
    """No violation on the empty chat, with an answer and an open passage, and at the door."""
    page = visit(color_scheme=scheme).page
    _chat_is_there(page)
    found = {"empty": _violations(page, axe)}
    page.locator("#question textarea").fill("Which boats does the harbour of Saltmere moor?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat [aria-label=Retry]").last).to_be_visible(timeout=60_000)
    page.locator('#chat a[href*="#source-"]').first.click()
    page.wait_for_timeout(700)
    found["answered"] = _violations(page, axe)
    page.locator("#details a.show-source").click()
    expect(page.locator("#source .source-sheet, #source .source-part").first).to_be_visible()
    found["source"] = _violations(page, axe)
    page = visit("/login?next=/admin", color_scheme=scheme).page
    found["login"] = _violations(page, axe)
    assert {name: rows for name, rows in found.items() if rows} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_admin_screens_can_be_used_by_everybody(visit, axe, scheme):
    """No violation on any tab."""
    page = visit("/admin/", signed_in=True, color_scheme=scheme).page
    tabs = page.get_by_role("tab")
    expect(tabs.first).to_be_visible()
    found = {}
    for number in range(tabs.count()):
        tabs.nth(number).click()
        page.wait_for_timeout(1_000)
        found[tabs.nth(number).inner_text()] = _violations(page, axe)
    assert {name: rows for name, rows in found.items() if rows} == {}
