"""Pages within pages and what stands in for scripts: read as content, once, and with limits."""

from __future__ import annotations

import html

import pytest

from pipelines.errors import InputError
from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.web import unfolding


def read(body: str, head: str = "") -> Converted:
    page = f"<html><head>{head}</head><body><h1>T</h1>{body}</body></html>"
    return readers.read(page.encode(), kinds.mime_of("a.html"), ReadLimits())


def frame(inner: str) -> str:
    return f'<iframe srcdoc="{html.escape(inner)}">Your browser shows no frames</iframe>'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            f"<p>Before.</p>{frame('<h2>Fees</h2><table><tr><th>Zone<th>Fee<tr><td>A<td>1.70</table>')}"
            "<p>After.</p>",
            ["T", "Before.", "Fees", "Zone: A; Fee: 1.70", "After."],
        ),
        (frame(f"<p>Outer.</p>{frame('<p>Inner.</p>')}"), ["T", "Outer.", "Inner."]),
        ("<noscript><p>Opening hours: 9 to 17.</p></noscript>", ["T", "Opening hours: 9 to 17."]),
        (
            "<p>Hall 4.</p><noscript><p>Hall 4.</p><p>Door code 4711.</p></noscript>",
            ["T", "Hall 4.", "Door code 4711."],
        ),
        (
            "<p>See <img class=lazy data-src=a.png><noscript><img alt='Map of hall 4' src=a.png>"
            "</noscript> first.</p>",
            ["T", "See (picture: Map of hall 4) first."],
        ),
        (
            "<p>See <img alt='Map of hall 4' data-src=a.png><noscript><img alt='Map of hall 4'"
            " src=a.png></noscript> first.</p>",
            ["T", "See (picture: Map of hall 4) first."],
        ),
        (
            "<p>Text.</p><noscript>Please enable JavaScript to use this page.</noscript>"
            "<noscript><img height=1 width=1 src=pixel.gif></noscript>",
            ["T", "Text."],
        ),
        (
            "<x-card><template shadowrootmode=open><p>Torque 171 Nm.</p></template></x-card>"
            "<template><p>Nobody sees it.</p></template>",
            ["T", "Torque 171 Nm."],
        ),
    ],
)
def test_what_a_page_shows_is_read(body: str, expected: list[str]) -> None:
    assert [line for line in read(body).text.split("\n") if line] == expected


def test_frames_have_limits_that_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "<p>deepest</p>"
    for number in range(unfolding.DEEPEST_FRAME + 1):
        deep = frame(f"<p>level {number}</p>{deep}")
    found = read(deep)
    assert "level 0" not in found.text
    assert "level 1" in found.text
    assert found.notes == ["1 page within the page not read"]
    monkeypatch.setattr(unfolding, "MOST_CHARS", 100)
    found = read("<p>Own.</p>" + frame("x" * 101) + frame("<p>y</p>"))
    assert found.notes == ["1 page within the page not read"]
    assert found.text.split() == ["T", "Own.", "y"]


def test_a_page_that_a_script_writes_says_so() -> None:
    page = "<body><div id=root></div><noscript>You need JavaScript.</noscript><script>x</script>"
    with pytest.raises(InputError, match="written by a script"):
        readers.read(page.encode(), kinds.mime_of("a.html"), ReadLimits())
