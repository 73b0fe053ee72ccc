"""A newcomer's first document: dropped into the empty chat, indexed, asked about, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.serving import Served, keep_focus, serving

pytestmark = pytest.mark.browser

FERRY = (
    "# Ferry\n\n## Warranty period\n\nThe ferry to Saltmere has a warranty period of nine years.\n"
)
HOSTILE = "<img src=x onerror=document.title=1>.md"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Served]:
    """A server with its worker, that has nothing but the handbook."""
    with serving(worker=True) as server:
        yield server


@pytest.fixture(scope="module")
def link(served: Served) -> str:
    """What a browser that Attune opens is given, by a link that was printed."""
    return served.link()


def drop(page: Page, *files: tuple[str, str]) -> None:
    """Drop files on the page, as from another window."""
    carried = page.evaluate_handle(
        "files => { const made = new DataTransfer();"
        " for (const [name, text] of files) made.items.add(new File([text], name));"
        " return made; }",
        [list(file) for file in files],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#chat", event, {"dataTransfer": carried})


def row(page: Page, title: str) -> Locator:
    return page.locator("#files .file").filter(has_text=title)


def test_a_file_is_dropped_shown_asked_about_and_deleted(
    visit: Callable[..., Page], link: str, served: Served
) -> None:
    """By the admin at the keyboard. A stranger learns who may add files, and reads the answers."""
    page = visit(link)
    expect(page.locator("#chat .placeholder")).to_contain_text("Drop files anywhere")
    expect(page.get_by_role("link", name="Add documents")).to_be_visible()
    drop(
        page, ("ferry.md", FERRY), ("photo.xyz", "x"), (HOSTILE, "# Nothing\n\nNothing is here.\n")
    )
    expect(row(page, "photo.xyz")).to_contain_text(".xyz files are not read")
    expect(row(page, "ferry.md")).to_contain_text(
        re.compile("Waiting|Uploading|Reading|Indexing|Ready")
    )
    expect(row(page, "ferry.md")).to_contain_text("Ready - ask about it", timeout=120_000)
    expect(row(page, HOSTILE)).to_contain_text("Ready", timeout=120_000)
    assert page.title() == "Attune"
    expect(page.locator("#files-status")).to_contain_text("Ready")
    page.locator("#chat .example").filter(has_text="What is the warranty period?").click()
    expect(page.locator("#chat [data-testid=bot]").last).to_contain_text("nine years")

    stranger = visit("/")
    expect(stranger.locator("#chat .placeholder")).to_contain_text(
        "Only an admin can add documents"
    )
    expect(stranger.locator(".files-add")).to_have_count(0)
    drop(stranger, ("mine.md", FERRY))
    expect(stranger.locator("#files .file")).to_have_count(0)

    page.get_by_role("button", name="Documents (2)").click()
    page.get_by_role("button", name="Delete ferry.md", exact=True).click()
    page.get_by_role("button", name="Delete ferry.md for good").click()
    expect(row(page, "ferry.md")).to_have_count(0)
    assert "ferry.md" not in served.run("documents", "list", "--json").stdout


def test_a_phone_has_the_same_by_touch_and_keyboard(
    visit: Callable[..., Page], served: Served
) -> None:
    """Nothing is wider than the screen, buttons are large enough, and the chooser opens."""
    again = served.run("admin-link").stdout.strip().split("/login")[1]
    page = visit(f"/login{again}&next=/", **PHONE, has_touch=True)
    keep_focus(page.locator(".files-add"))
    page.evaluate("window.attuneFiles()")  # the list is drawn again, as it is every second or so
    expect(page.locator(".files-add")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.locator(".files-add").press("Enter")  # as it is drawn at this moment
    text = {
        "name": "pier.txt",
        "mimeType": "text/plain",
        "buffer": b"The pier is closed on Mondays.",
    }
    chooser.value.set_files([text])
    expect(row(page, "pier.txt")).to_contain_text("Ready", timeout=120_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for box in (button.bounding_box() for button in page.locator("#files button").all()):
        assert box is not None
        assert box["height"] >= 24
        assert box["x"] + box["width"] <= PHONE["width"]
    composer = page.locator("#question").bounding_box()
    assert composer is not None
    assert composer["y"] + composer["height"] <= PHONE["height"]
